"""How values of the registry are stated, stored and read from a cell of CSV, kind by kind.

A field is a name and one of these forms (`registry_fields.py`); two fields that are judged alike
share one.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints

from models.identifier import GATEWAY_ID, INSTITUTION_ID
from models.refusal import RefusedError
from models.schedule import WEEKDAYS, OpeningHours
from models.sparkplug.samples import MAPPING as SPARKPLUG_MAPPING
from models.sparkplug.samples import stated_metrics
from models.timestamp import (
    EPOCH,
    MalformedTimestampError,
    UnrepresentableTimestampError,
    parse_ts,
)
from models.zone import DEFAULT_ZONE

_DAY_S: Final = 86_400
_DAY_MINUTES: Final = 1_440
_WEEK_MINUTES: Final = 7 * _DAY_MINUTES
#: Registry dates and versions lie in these years (the last excluded): beyond them local time
#: has no meaning, and a year mistyped with two digits would found a version in antiquity.
_YEARS: Final = (1900, 2200)


# Not isprintable(): that refuses the ideographic space, which Chinese names may hold.
_has_break = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]").search
_is_mapping_name = re.compile("[a-z0-9][a-z0-9-]{0,63}").fullmatch
_is_date = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch


def _plain(text: str) -> str:
    if _has_break(text):
        raise RefusedError("one_plain_line", "must not hold control characters or line breaks")
    return text


def _zone(name: str) -> str:
    if not _is_zone(name):
        rule = f"must be an IANA time zone, such as {DEFAULT_ZONE}"
        raise RefusedError("zone_form", rule, example=DEFAULT_ZONE)
    return name


@lru_cache(maxsize=1024)
def _is_zone(name: str) -> bool:
    # zoneinfo also reads files that are no zone of IANA's: the machine's own, and copies that
    # count leap seconds.
    if name in ("Factory", "localtime", "posixrules") or name.startswith(("posix/", "right/")):
        return False
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return False
    return True


def _day(value: object) -> object:
    if isinstance(value, str):
        rule = "must be a date that exists, written YYYY-MM-DD"
        if not _is_date(value):  # fromisoformat also takes 20260301 and 2026-W09-7
            raise RefusedError("date_form", rule)
        try:
            value = date.fromisoformat(value)
        except ValueError as error:
            raise RefusedError("date_form", rule) from error
    if isinstance(value, date) and not _YEARS[0] <= value.year < _YEARS[1]:
        raise _out_of_years()
    return value


def _out_of_years() -> RefusedError:
    first, last = _YEARS[0], _YEARS[1] - 1
    rule = f"must lie in the years {first} to {last}"
    return RefusedError("years", rule, first=str(first), last=str(last))


def _moment(value: object) -> object:
    if isinstance(value, str):
        try:
            value = EPOCH + timedelta(microseconds=parse_ts(value))
        except MalformedTimestampError as error:
            rule = f"{error}, such as 2026-03-01T08:00:00+08:00"
            raise RefusedError("moment_form", rule) from error
        except UnrepresentableTimestampError as error:
            raise _out_of_years() from error
    if isinstance(value, datetime) and not _YEARS[0] <= value.year < _YEARS[1]:
        raise _out_of_years()
    return value


def _money(value: object) -> object:
    # A float's shortest text is what the sender wrote; text is taken for sums that no float has.
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        try:
            return Decimal(str(value))
        except InvalidOperation as error:
            raise RefusedError("sum_form", "must be an amount, such as 1250000.00") from error
    return value


def _hours(value: object) -> object:
    """Opening hours in their one spelling, so that equal ones are equal records.

    Ranges may touch, but not overlap, also over midnight and from Sunday into Monday: an
    overlap is nearly always a typing error, and which of the two was meant nobody knows.
    """
    hours = OpeningHours.parse(value)
    spans = sorted(
        (number * _DAY_MINUTES + start, number * _DAY_MINUTES + end)
        for number, ranges in enumerate(hours.week)
        for start, end in ((s, e if e > s else e + _DAY_MINUTES) for s, e in ranges)
    )
    following = [*spans[1:], *((s + _WEEK_MINUTES, e + _WEEK_MINUTES) for s, e in spans[:1])]
    for (_, end), (start, _) in zip(spans, following, strict=True):
        if end > start:
            day, minutes = divmod(start % _WEEK_MINUTES, _DAY_MINUTES)
            at = f"{minutes // 60:02}:{minutes % 60:02}"
            rule = (
                f"opening_hours: the range from {at} on "
                f"{WEEKDAYS[day]} begins before the range ahead of it ends"
            )
            raise RefusedError("hours_overlap", rule, day=WEEKDAYS[day], at=at)
    return hours.to_json()


def _no_object(rule: str, example: str) -> RefusedError:
    return RefusedError("object_form", f"{rule}, such as {example}", example=example)


def _strange(member: str, known: Iterable[str]) -> RefusedError:
    told = ", ".join(known)
    rule = f"has {member!r}; it takes {told}"
    return RefusedError("unknown_member", rule, member=member[:60], known=told)


def _external_ids(value: object) -> object:
    """Ids in other registers, in the order of their schemes, so that equal ones are equal."""
    if not isinstance(value, Mapping):
        raise _no_object("must be an object of texts by scheme", '{"nrii": "2024-0071"}')
    if not value:
        raise RefusedError("nothing_in_it", "must name a scheme; null where there are none")
    return dict(sorted(value.items(), key=lambda item: str(item[0])))


def _report_fields(value: object) -> object:
    """What forms ask for, in the order of their words, so that equal ones are equal."""
    if not isinstance(value, Mapping):
        raise _no_object("must be an object of texts", '{"department": "Chemistry"}')
    if not value:
        raise RefusedError("nothing_in_it", "must hold a word; null where there are none")
    return dict(sorted(value.items(), key=lambda item: str(item[0])))


def _source(value: object) -> object:
    """A source with its channel, stated or not, so that equal ones are equal."""
    if not isinstance(value, Mapping):
        raise _no_object("must be an object", '{"mapping": "tasmota-energy", "device": "plug-1"}')
    known = ["mapping", "device", "channel"]
    if value.get("mapping") == SPARKPLUG_MAPPING:
        known.append("metrics")  # a node chooses their names as it likes
    if strange := sorted(map(str, value.keys() - set(known))):
        raise _strange(strange[0], known)
    mapping, device, channel = (value.get(name) for name in ("mapping", "device", "channel"))
    if not (isinstance(mapping, str) and _is_mapping_name(mapping)):
        rule = "must name a mapping: small letters, digits and -, at most 64"
        raise RefusedError("member_name", rule, member="mapping", most="64")
    if not _is_device_name(device):
        rule = "must name a device: a text of 1 to 128 characters, none of them control"
        raise RefusedError("member_text", rule, member="device", most="128")
    if channel is not None and not _is_device_name(channel):
        rule = (
            "must name a channel, or null for the device as a whole: a text of 1 to 128"
            " characters, none of them control"
        )
        raise RefusedError("member_text", rule, member="channel", most="128")
    source = {"mapping": mapping, "device": device, "channel": channel}
    if "metrics" in known:
        try:
            source["metrics"] = stated_metrics(value.get("metrics"))
        except ValueError as error:
            raise RefusedError("metrics_form", str(error)) from error
    return source


def _suspensions(value: object) -> object:
    """Stretches of days in order, each with a reason or null, so that equal ones are equal."""
    if not isinstance(value, list) or not value:
        raise _no_list("; null where there are none")
    found: list[dict[str, str | None]] = []
    for one in value:
        if not isinstance(one, Mapping) or not {"from"} <= one.keys() <= {"from", "to", "reason"}:
            raise _no_list()
        start, end = (None if one.get(edge) is None else _day(one[edge]) for edge in ("from", "to"))
        if not isinstance(start, date) or not (end is None or isinstance(end, date)):
            raise _no_list()
        if end is not None and end <= start:
            rule = f"has one to {end}; it must end after {start}, on which it begins"
            raise RefusedError("end_before_start", rule, start=str(start), end=str(end))
        reason = one.get("reason")
        if not (reason is None or (isinstance(reason, str) and 1 <= len(reason) <= 500)):
            rule = "must have reasons of 1 to 500 characters, or null"
            raise RefusedError("member_text", rule, member="reason", most="500")
        shown = None if reason is None else _plain(reason)
        found.append(
            {
                "from": start.isoformat(),
                "to": None if end is None else end.isoformat(),
                "reason": shown,
            }
        )
    for before, after in pairwise(found):
        if before["to"] is None or str(after["from"]) < before["to"]:
            rule = f"has one from {after['from']}, before the one ahead of it ends"
            raise RefusedError("spans_overlap", rule, start=str(after["from"]))
    return found


def _no_list(more: str = "") -> RefusedError:
    example = '[{"from": "2026-03-01", "to": null, "reason": "moved"}]'
    return RefusedError("list_form", f"must be a list such as {example}{more}", example=example)


def _sparkplug(value: object) -> object:
    """An edge node's group and its own id, as they stand in topics."""
    if not isinstance(value, Mapping) or value.keys() != {"group", "node"}:
        raise _no_object("must be an object", '{"group": "plant", "node": "gw-1"}')
    for name, part in value.items():
        if not _is_device_name(part) or set(part) & set("+/#"):
            rule = f"must have a {name} of 1 to 128 characters, none of them control, +, / or #"
            raise RefusedError("topic_part", rule, member=str(name), most="128")
    return {"group": value["group"], "node": value["node"]}


def _is_device_name(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 128 and not _has_break(value)


_WATTS: Final = ("off_below_w", "run_until_w", "run_from_w")
_DWELLS: Final = ("dwell_start_s", "dwell_stop_s")
_RULE: Final = (*_WATTS, *_DWELLS, "silence_s")


def _power_rule(value: object) -> object:
    """A rule with all that it may say, so that equal ones are equal."""
    if not isinstance(value, Mapping):
        raise _no_object(
            "must be an object",
            '{"off_below_w": 5, "run_until_w": 40, "run_from_w": 50,'
            ' "dwell_start_s": 60, "dwell_stop_s": 120, "silence_s": null}',
        )
    if strange := sorted(map(str, value.keys() - set(_RULE))):
        raise _strange(strange[0], _RULE)
    rule: dict[str, float | None] = {
        name: _within(value, name, 0, 10_000_000, "W") for name in _WATTS
    }
    off, until, start = (rule[name] or 0 for name in _WATTS)
    if not off <= until <= start:
        told = (
            "must have off_below_w <= run_until_w <= run_from_w; they are"
            f" {off:g}, {until:g} and {start:g} W"
        )
        raise RefusedError("watts_order", told)
    rule |= {name: _within({name: 0, **value}, name, 0, 3_600, "s") for name in _DWELLS}
    silent = value.get("silence_s") is None
    rule["silence_s"] = None if silent else _within(value, "silence_s", 1, _DAY_S, "s")
    return rule


def _within(value: Mapping[Any, Any], name: str, least: float, most: float, unit: str) -> float:
    number = value.get(name)
    if isinstance(number, bool) or not isinstance(number, int | float):
        told = f"must have {name}, a number of {unit}"
        raise RefusedError("member_number", told, member=name, unit=unit)
    if not least <= number <= most:
        told = f"has {name} {number:g}; it must be from {least:,} to {most:,} {unit}"
        about = {"value": f"{number:g}", "least": f"{least:,}", "most": f"{most:,}"}
        raise RefusedError("member_range", told, member=name, unit=unit, **about)
    return number


def _text(cell: str) -> object:
    return cell


def _number(cell: str) -> object:
    if not _is_number(cell):
        raise RefusedError("number", "must be a number")
    return float(cell)


def _boolean(cell: str) -> object:
    try:
        return _BOOLEANS[cell.lower()]
    except KeyError as error:
        raise RefusedError("boolean", "must be true, false, 1 or 0") from error


def _object(cell: str) -> object:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError) as error:
        raise RefusedError("not_json", f"must be JSON: {error}") from error


_is_number = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?").fullmatch
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}
_CENT: Final = Decimal("0.01")


def _as_stated(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Form:
    """How one kind of value is stated, stored and read."""

    #: Its type as pydantic reads it, strictly.
    stated: Any
    #: Reads a cell of CSV that is not empty; raises `ValueError` with the rule.
    cell: Callable[[str], object] = _text
    #: Makes the stated value the stored one.
    stored: Callable[[Any], Any] = _as_stated
    #: Stated in seconds, stored in microseconds: ``hold_s`` is kept as ``hold_us``.
    seconds: bool = False


def _line(most: int) -> Any:
    """One line of text for people, of so many characters."""
    trimmed = StringConstraints(strip_whitespace=True, min_length=1, max_length=most)
    return Annotated[str, trimmed, AfterValidator(_plain)]


def _span(lowest: float, highest: float, description: str | None = None) -> Form:
    # Within such bounds a double is exact to well under a microsecond.
    return Form(
        stated=Annotated[float, Field(ge=lowest, le=highest, description=description)],
        cell=_number,
        stored=lambda value: round(value * 1_000_000),
        seconds=True,
    )


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]

Zone = Annotated[str, AfterValidator(_zone), Field(description="IANA name")]

StatedRule = Annotated[
    dict[str, float | None],
    BeforeValidator(_power_rule),
    Field(
        description='`{"off_below_w", "run_until_w", "run_from_w", "dwell_start_s",'
        ' "dwell_stop_s", "silence_s"}`: what samples count as (docs/rules.md); dwells'
        " are 0 and `silence_s` null where they are left out"
    ),
]

_Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_plain),
]
_ReportWord = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=64),
    AfterValidator(_plain),
]
_ReportText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    AfterValidator(_plain),
]
_Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]

NAME: Final = Form(stated=_Name)
WORD: Final = Form(stated=_line(64))
ADDRESS: Final = Form(stated=_line(500))
CODE: Final = Form(stated=_Code)
# Rust reads these patterns: its $ is the very end, not before a last line break as in Python.
INSTITUTION: Final = Form(stated=Annotated[str, StringConstraints(pattern=rf"^{INSTITUTION_ID}$")])
GATEWAY: Final = Form(stated=Annotated[str, StringConstraints(pattern=rf"^{GATEWAY_ID}$")])
LON: Final = Form(
    stated=Annotated[float, Field(ge=-180, le=180, description="degrees east, WGS84")],
    cell=_number,
)
LAT: Final = Form(
    stated=Annotated[float, Field(ge=-90, le=90, description="degrees north, WGS84")],
    cell=_number,
)
ZONE: Final = Form(stated=Zone)
DAY: Final = Form(stated=Annotated[date, BeforeValidator(_day)])
MONEY: Final = Form(
    stated=Annotated[
        Decimal, BeforeValidator(_money), Field(ge=0, max_digits=18, decimal_places=2)
    ],
    stored=lambda amount: amount.quantize(_CENT),
)
FLAG: Final = Form(stated=bool, cell=_boolean)
INSTRUMENT_KIND: Final = Form(stated=Literal["general", "special"])
HOURS_A_YEAR: Final = Form(stated=Annotated[float, Field(ge=0, le=366 * 24)], cell=_number)
OPENING_HOURS: Final = Form(
    stated=Annotated[
        dict[str, Any],
        BeforeValidator(_hours),
        Field(
            description='`{"mon": [["08:00", "17:30"]], …, "holidays": "closed|as_weekday|open"}`; '
            "a day left out is closed, 24:00 may end a range, a range may pass midnight"
        ),
    ],
    cell=_object,
)
EXTERNAL_IDS: Final = Form(
    stated=Annotated[
        dict[_Code, _Name],
        BeforeValidator(_external_ids),
        Field(
            max_length=32,
            description='`{"scheme": "value"}`: ids in other registers, each one record\'s',
        ),
    ],
    cell=_object,
)
#: Words of a form, and what stands under them.
ReportFields = Annotated[
    dict[_ReportWord, _ReportText],
    BeforeValidator(_report_fields),
    Field(
        max_length=64,
        description='`{"word": "text"}`: what forms of reports ask for, by the forms\' own words',
    ),
]
REPORT_FIELDS: Final = Form(stated=ReportFields, cell=_object)
SOURCE: Final = Form(
    stated=Annotated[
        dict[str, Any],
        BeforeValidator(_source),
        Field(
            description='`{"mapping", "device", "channel"}`: by which mapping which device\'s words'
            " are read; `channel` null or left out: the device as a whole; by `sparkplug-b` also"
            " `metrics`, the names of its metrics by field"
        ),
    ],
    cell=_object,
)
SPARKPLUG: Final = Form(
    stated=Annotated[
        dict[str, Any],
        BeforeValidator(_sparkplug),
        Field(description='`{"group", "node"}`: the Sparkplug B edge node that the gateway is'),
    ],
    cell=_object,
)
SUSPENSIONS: Final = Form(
    stated=Annotated[
        list[dict[str, str | None]],
        BeforeValidator(_suspensions),
        Field(
            max_length=200,
            description='`[{"from", "to", "reason"}]`: days on which it was out of use, `to` not'
            " one of them and null while it lasts; figures keep that time as it was measured",
        ),
    ],
    cell=_object,
)
POWER_RULE: Final = Form(stated=StatedRule, cell=_object)
# Added to the device's time. A year is further off than any clock that still has a battery.
CORRECTION: Final = _span(-366 * _DAY_S, 366 * _DAY_S)
INTERVAL: Final = _span(1, 3_600)
# A day at most: raw rows are kept a day longer than late data is accepted, so the heartbeat
# whose hold reaches into the accepted past is always there.
HOLD: Final = _span(1, _DAY_S)
SESSION_LENGTH: Final = _span(0, _DAY_S, "holds for all time: no change of it beside `valid_from`")
