"""Institutions, gateways and instruments as ``PUT``, ``PATCH`` and CSV state them.

``Institution``, ``Gateway`` and ``Instrument`` are whole records, as ``PUT`` and CSV give them;
the ``…Patch`` models take any part of one, as ``PATCH`` does, and ``patched`` joins both. Ids
stand in the path or the CSV row, not in the record. Reading CSV is ``registry_csv.py``'s.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Final, Literal, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from models.identifier import GATEWAY_ID, INSTITUTION_ID
from models.schedule import WEEKDAYS, OpeningHours
from models.timestamp import EPOCH, MICROSECOND, MalformedTimestampError, parse_ts

_DAY_S: Final = 86_400
_DAY_MINUTES: Final = 1_440
_WEEK_MINUTES: Final = 7 * _DAY_MINUTES
#: Registry dates and versions lie in these years (the last excluded): beyond them local time
#: has no meaning, and a year mistyped with two digits would found a version in antiquity.
_YEARS: Final = (1900, 2200)


# Not isprintable(): that refuses the ideographic space, which Chinese names may hold.
_has_break = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]").search
_is_date = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch


def _plain(text: str) -> str:
    if _has_break(text):
        raise ValueError("must not hold control characters or line breaks")
    return text


def _zone(name: str) -> str:
    if not _is_zone(name):
        raise ValueError("must be an IANA time zone, such as Asia/Shanghai")
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
            raise ValueError(rule)
        try:
            value = date.fromisoformat(value)
        except ValueError as error:
            raise ValueError(rule) from error
    if isinstance(value, date) and not _YEARS[0] <= value.year < _YEARS[1]:
        raise ValueError(f"must lie in the years {_YEARS[0]} to {_YEARS[1] - 1}")
    return value


def _moment(value: object) -> object:
    if isinstance(value, str):
        try:
            value = EPOCH + timedelta(microseconds=parse_ts(value))
        except MalformedTimestampError as error:
            raise ValueError(f"{error}, such as 2026-03-01T08:00:00+08:00") from error
    if isinstance(value, datetime) and not _YEARS[0] <= value.year < _YEARS[1]:
        raise ValueError(f"must lie in the years {_YEARS[0]} to {_YEARS[1] - 1}")
    return value


def _money(value: object) -> object:
    # A float's shortest text is what the sender wrote; text is taken for sums that no float has.
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        try:
            return Decimal(str(value))
        except InvalidOperation as error:
            raise ValueError("must be an amount, such as 1250000.00") from error
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
            raise ValueError(
                f"opening_hours: the range from {minutes // 60:02}:{minutes % 60:02} on "
                f"{WEEKDAYS[day]} begins before the range ahead of it ends"
            )
    return hours.to_json()


_Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_plain),
]
_Address = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    AfterValidator(_plain),
]
_Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]
# Rust reads these patterns: its $ is the very end, not before a last line break as in Python.
_InstitutionId = Annotated[str, StringConstraints(pattern=rf"^{INSTITUTION_ID}$")]
_GatewayId = Annotated[str, StringConstraints(pattern=rf"^{GATEWAY_ID}$")]
_Lon = Annotated[float, Field(ge=-180, le=180, description="degrees east, WGS84")]
_Lat = Annotated[float, Field(ge=-90, le=90, description="degrees north, WGS84")]
_Zone = Annotated[str, AfterValidator(_zone), Field(description="IANA name")]
_Date = Annotated[date, BeforeValidator(_day)]
_Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]
_Money = Annotated[Decimal, BeforeValidator(_money), Field(ge=0, max_digits=18, decimal_places=2)]
_OpeningHours = Annotated[
    dict[str, Any],
    BeforeValidator(_hours),
    Field(
        description='`{"mon": [["08:00", "17:30"]], …, "holidays": "closed|as_weekday|open"}`; '
        "a day left out is closed, 24:00 may end a range, a range may pass midnight"
    ),
]
_ValidFrom = Annotated[
    _Moment | None,
    Field(description="the time from which the record holds; now, where it is left out"),
]


class _Stated(BaseModel):
    """What all records share: strict types, no unknown fields, no changes afterwards."""

    # Strict: "12" is no number and 1 no boolean; what CSV writes as text is read there.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    #: Fields in seconds, which are stored in microseconds.
    seconds: ClassVar[tuple[str, ...]] = ()

    valid_from: _ValidFrom = None

    @property
    def valid_from_us(self) -> int | None:
        """``valid_from`` in microseconds since 1970 UTC."""
        return None if self.valid_from is None else (self.valid_from - EPOCH) // MICROSECOND


class _Patch(_Stated):
    required: ClassVar[tuple[str, ...]] = ()

    def changes(self) -> dict[str, Any]:
        """The fields that were sent; ``None`` puts one back to its default."""
        return {name: getattr(self, name) for name in self.model_fields_set if name != "valid_from"}

    @model_validator(mode="after")
    def _keeps_required(self) -> Self:
        for name in self.required:
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name} cannot be removed; it is required")
        return self


class _Record(_Stated):
    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: object) -> object:
        if isinstance(data, Mapping):
            return {name: value for name, value in data.items() if value is not None}
        return data

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        lon, lat = getattr(self, "lon", None), getattr(self, "lat", None)
        if (lon is None) != (lat is None):
            raise ValueError("lon and lat belong together; give both or neither")
        acquired, retired = getattr(self, "acquired_on", None), getattr(self, "retired_on", None)
        if acquired is not None and retired is not None and acquired >= retired:
            raise ValueError(
                f"retired_on is {retired}; it must lie after acquired_on, which is {acquired}"
            )
        return self

    def content(self) -> dict[str, Any]:
        """All fields but ``valid_from``: two records with equal content are one version."""
        return {name: value for name, value in self if name != "valid_from"}

    def stored(self) -> dict[str, Any]:
        """``content`` as tables have it: ``hold_s`` becomes ``hold_us``, microseconds."""
        return dict(self._stored())

    def _stored(self) -> Iterator[tuple[str, Any]]:
        for name, value in self.content().items():
            if name in self.seconds:
                # Within the bounds below a double is exact to well under a microsecond.
                yield f"{name[:-2]}_us", None if value is None else round(value * 1_000_000)
            else:
                yield name, value


_InstitutionKind = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=64),
    AfterValidator(_plain),
]


class InstitutionPatch(_Patch):
    """Any part of an institution."""

    name: _Name | None = None
    name_en: _Name | None = None
    kind: _InstitutionKind | None = None
    district_code: _Code | None = None
    address: _Address | None = None
    lon: _Lon | None = None
    lat: _Lat | None = None
    timezone: _Zone | None = None
    opening_hours: _OpeningHours | None = None
    retired_on: _Date | None = None


class Institution(_Record):
    """An institution; without ``name`` it is called by its id."""

    name: _Name | None = None
    name_en: _Name | None = None
    kind: _InstitutionKind | None = None
    district_code: _Code | None = None
    address: _Address | None = None
    lon: _Lon | None = None
    lat: _Lat | None = None
    timezone: _Zone | None = None
    opening_hours: _OpeningHours | None = None
    retired_on: _Date | None = None


# Added to the device's time. A year is further off than any clock that still has a battery.
_Correction = Annotated[float, Field(ge=-366 * _DAY_S, le=366 * _DAY_S)]


class GatewayPatch(_Patch):
    """Any part of a gateway."""

    name: _Name | None = None
    institution_id: _InstitutionId | None = None
    clock_correction_s: _Correction | None = None
    retired_on: _Date | None = None


class Gateway(_Record):
    """A gateway; without ``name`` it is called by its id."""

    seconds = ("clock_correction_s",)

    name: _Name | None = None
    institution_id: _InstitutionId | None = None
    clock_correction_s: _Correction = 0.0
    retired_on: _Date | None = None


_Kind = Literal["general", "special"]
_Rated = Annotated[float, Field(ge=0, le=366 * 24)]
_Interval = Annotated[float, Field(ge=1, le=3_600)]
# A day at most: raw rows are kept a day longer than late data is accepted, so the heartbeat
# whose hold reaches into the accepted past is always there.
_Hold = Annotated[float, Field(ge=1, le=_DAY_S)]
_SessionLength = Annotated[
    float,
    Field(ge=0, le=_DAY_S, description="holds for all time: no change of it beside `valid_from`"),
]


class InstrumentPatch(_Patch):
    """Any part of an instrument."""

    required = ("name", "institution_id", "gateway_id")

    name: _Name | None = None
    institution_id: _InstitutionId | None = None
    gateway_id: _GatewayId | None = None
    district_code: _Code | None = None
    class_code: _Code | None = None
    class_scheme: _Code | None = None
    lon: _Lon | None = None
    lat: _Lat | None = None
    value_cny: _Money | None = None
    kind: _Kind | None = None
    rated_hours_per_year: _Rated | None = None
    timezone: _Zone | None = None
    interval_s: _Interval | None = None
    hold_s: _Hold | None = None
    always_on: bool | None = None
    opening_hours: _OpeningHours | None = None
    session_gap_s: _SessionLength | None = None
    session_min_s: _SessionLength | None = None
    acquired_on: _Date | None = None
    retired_on: _Date | None = None


class Instrument(_Record):
    """An instrument."""

    seconds = ("interval_s", "hold_s", "session_gap_s", "session_min_s")

    name: _Name
    institution_id: _InstitutionId
    gateway_id: _GatewayId
    district_code: _Code | None = None
    class_code: _Code | None = None
    class_scheme: _Code = "2004"
    lon: _Lon | None = None
    lat: _Lat | None = None
    value_cny: _Money | None = None
    kind: _Kind = "general"
    rated_hours_per_year: _Rated | None = None
    timezone: _Zone = "Asia/Shanghai"
    interval_s: _Interval | None = None
    hold_s: _Hold | None = None
    always_on: bool = False
    opening_hours: _OpeningHours | None = None
    session_gap_s: _SessionLength = 300.0
    session_min_s: _SessionLength = 60.0
    acquired_on: _Date | None = None
    retired_on: _Date | None = None


_R = TypeVar("_R", Institution, Gateway, Instrument)


def patched(record: _R, patch: InstitutionPatch | GatewayPatch | InstrumentPatch) -> _R:
    """A record with a patch's fields in place of its own, and the patch's ``valid_from``.

    Raises:
        pydantic.ValidationError: the whole contradicts itself, such as a ``retired_on`` that
            lies before the record's ``acquired_on``.
    """
    return type(record).model_validate(
        record.content() | patch.changes() | {"valid_from": patch.valid_from}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One field that breaks a rule."""

    #: The field's name; empty where the rule is about several.
    field: str
    value: object
    #: What must hold, for people.
    rule: str


def problems(error: ValidationError) -> list[Problem]:
    """What is wrong with a record, field by field, in the record's order."""
    found = []
    for item in error.errors(include_url=False):
        location = [part for part in item["loc"] if isinstance(part, str)]
        rule = item["msg"].removeprefix("Value error, ")
        if item["type"] == "missing":
            rule = "is required"
        elif item["type"] == "extra_forbidden":
            rule = "is not a known field"
        found.append(
            Problem(
                field=location[0] if location else "",
                value=item["input"] if location and item["type"] != "missing" else None,
                rule=rule,
            )
        )
    return found
