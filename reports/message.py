"""A record as a receiver is told it: one message, the same bytes whenever it is sent."""

import io
from collections.abc import Mapping

import msgspec

from models.record import Person, Record
from models.report_profile import Profile, rows
from models.report_value import PeriodFacts
from models.timestamp import format_instant
from reports.json_file import write_json


def message(
    profile: Profile,
    record: Record,
    period: PeriodFacts,
    values: Mapping[str, Mapping[str, str]],
    persons: Mapping[int, Person],
) -> tuple[str, bytes]:
    """A message's id and body.

    Args:
        profile: The form; one with a row a record.
        record: Frozen.
        period: Closed.
        values: By instrument, what was said of it and the period.
        persons: By annotation, who asked; none where the receiver is not to know.

    Returns:
        The id is the record's for ever, so that a receiver drops what came before; the body is
        ``{"type", "timestamp", "data": {"record_id", "profile", "period", "records": [one]}}``.
    """
    assert record.record_id is not None, "what is open has no records yet"
    assert period.as_of_us is not None
    told = io.BytesIO()
    (row,) = rows(profile, [record], period, values, persons)
    cells = [[column.fit(row).cell] for column in profile.columns]
    write_json(profile, period, [cells], told)
    data = b'{"record_id":' + msgspec.json.encode(record.record_id) + b"," + told.getvalue()[1:]
    body = {
        "type": "record.closed",
        "timestamp": format_instant(period.as_of_us),
        "data": msgspec.Raw(data.rstrip()),
    }
    return f"record_{record.record_id}", msgspec.json.encode(body)
