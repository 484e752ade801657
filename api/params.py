"""Parameters that routes share, parsed and bounded in one place: instants, days, ids.

How answers spell instants is `models/timestamp.py: format_instant`.
"""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, StringConstraints, WithJsonSchema

from models.identifier import GATEWAY_ID, INSTITUTION_ID, INSTRUMENT_ID
from models.timestamp import parse_ts
from store.instant import to_us

INSTANT_RULE = "RFC 3339 with offset, such as 2026-03-01T00:00:00+08:00"
EDGE_RULE = f"{INSTANT_RULE}, or a date such as 2026-03-01"
LATEST_US = to_us(datetime(2200, 1, 1, tzinfo=UTC))
_LOST_PLUS = re.compile(r" (?=[0-9]{2}:[0-9]{2}\Z)")


def parse_instant(text: str) -> int:
    """Microseconds since 1970 UTC of an RFC 3339 time; finer digits are cut off.

    A blank before the offset is taken for the plus sign that an unescaped query string loses.

    Raises:
        ValueError: anything else.
    """
    if len(text) > 64:
        raise ValueError(f"must be {INSTANT_RULE}")
    # The blank may also stand for the T: only the last one, after a clock, is a lost plus.
    if text.count(":") == 3:
        text = _LOST_PLUS.sub("+", text)
    try:
        return parse_ts(text)
    except ValueError as error:
        raise ValueError(f"must be {INSTANT_RULE}") from error


def _instant(value: Any) -> int:
    if not isinstance(value, str):
        raise ValueError(f"must be {INSTANT_RULE}")
    return parse_instant(value)


#: A time of a request: RFC 3339 outside, microseconds since 1970 UTC inside. Between the years
#: 1970 and 2200, so that arithmetic on it stays within the database's times.
Instant = Annotated[
    int,
    Field(ge=0, le=LATEST_US),
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]

#: What addresses a record.
GatewayId = Annotated[str, StringConstraints(pattern=f"^{GATEWAY_ID}$")]
InstrumentId = Annotated[str, StringConstraints(pattern=f"^{INSTRUMENT_ID}$")]
InstitutionId = Annotated[str, StringConstraints(pattern=f"^{INSTITUTION_ID}$")]


def _day(value: Any) -> Any:
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError("must be a date, written YYYY-MM-DD")
    return value


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2199, 12, 31)

#: A calendar day of a request.
Day = Annotated[date, Field(ge=FIRST_DAY, le=LAST_DAY), BeforeValidator(_day)]
#: One line of text for people.
Line = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]

#: Where a window begins or ends: an instant, or a day, which stands for its first one.
Edge = int | date


def parse_edge(value: Any) -> Edge:
    """An instant, as `Instant` has it; or a date, whose midnight is a zone's to say.

    Raises:
        ValueError: neither, or outside the years 1970 to 2199.
    """
    if not isinstance(value, str):
        raise ValueError(f"must be {EDGE_RULE}")
    try:
        if _DAY.fullmatch(value):
            day = date.fromisoformat(value)
            if FIRST_DAY <= day <= LAST_DAY:
                return day
        elif 0 <= (us := parse_instant(value)) <= LATEST_US:
            return us
    except ValueError as error:
        raise ValueError(f"must be {EDGE_RULE}") from error
    raise ValueError("must lie within the years 1970 to 2199")


#: An edge of a request's window.
EdgeText = Annotated[
    Edge,
    PlainValidator(parse_edge),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "string", "format": "date"},
            ]
        }
    ),
]
