"""The fields of institutions, gateways and instruments, each declared once.

Of these lists are made: what a request may state and a CSV file may hold (`registry.py`,
`registry_csv.py`), what a change of a field sets off (`registry_plan.py`), the columns that
statements read (``-- fields:`` in `store/statements.py`) and what answers show
(`api/answers/records.py`). `CONTRIBUTING.md` shows how one is added.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from enum import Enum
from functools import cached_property
from typing import Any, Final, TypeAlias

from models import registry_forms as forms
from models.ratios import seconds
from models.registry_forms import Form
from models.zone import DEFAULT_ZONE

#: A record in stored form: `Field.column` -> value.
Record: TypeAlias = Mapping[str, Any]


class Effect(Enum):
    """What a change of a field makes untrue, of the time that it holds for."""

    NOTHING = "nothing"
    FIGURES = "figures"  #: rollups, which are forgotten
    FOLDS = "folds"  #: what heartbeats credit, too: segments are folded again from raw rows
    #: It holds for all time whenever it is said (not in rule 15's list): rollups of all time.
    ALL_TIME = "all time"
    ON_REQUEST = "on request"  #: the past follows where an operator has it rebuilt (rule 8)


#: What is held, in two parts: a scheme and its value, a mapping and its device.
Entry: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unique:
    """What no two records of a kind may hold at one moment."""

    #: Fields that say what a record holds, by `Field.column`.
    by: frozenset[str]
    #: What a record holds, of which these fields are enough.
    entries: Callable[[Record], Iterable[Entry]]
    #: The rule, in a refusal's words.
    rule: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record."""

    #: The contract's.
    name: str
    form: Form
    _: KW_ONLY
    #: As stated, where it is left out.
    default: Any = None
    #: A record must state it.
    required: bool = False
    #: Where it is left out, the record's id takes its place.
    else_id: bool = False
    #: The kind of record whose id it is.
    of: str | None = None
    #: What it names within: the kind, and the name in a stored value.
    naming: tuple[str, Callable[[Any], str]] | None = None
    effect: Effect = Effect.NOTHING
    #: What of it is one record's alone.
    unique: Unique | None = None
    #: What the answer's schema says of it.
    note: str | None = None

    @property
    def column(self) -> str:
        """Its name in stored form."""
        return f"{self.name.removesuffix('_s')}_us" if self.form.seconds else self.name

    @property
    def nullable(self) -> bool:
        """Whether a record may lack it."""
        return self.default is None and not self.required and not self.else_id

    def stored(self, value: Any) -> Any:
        """A stated value in stored form; `None` becomes the default."""
        value = self.default if value is None else value
        return None if value is None else self.form.stored(value)


@dataclass(frozen=True)
class Kind:
    """One kind of record; sets of fields are by `Field.column`."""

    name: str
    fields: tuple[Field, ...]

    @property
    def id_name(self) -> str:
        """The name of the record's own id."""
        return f"{self.name}_id"

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """Fields by the contract's names."""
        return {field.name: field for field in self.fields}

    @cached_property
    def defaults(self) -> Record:
        """Of every field, in order."""
        return {field.column: field.stored(None) for field in self.fields}

    @cached_property
    def required(self) -> frozenset[str]:
        """Fields that no stored record lacks."""
        return frozenset(f.column for f in self.fields if f.required or f.else_id)

    @cached_property
    def references(self) -> Mapping[str, str]:
        """Fields that name another record, or hold its name: field -> kind."""
        found = ((field.column, field.of or (field.naming or (None,))[0]) for field in self.fields)
        return {column: kind for column, kind in found if kind is not None}

    def referred(self, name: str, record: Record) -> str | None:
        """The id of the other record that a field of one names."""
        value, naming = record.get(name), self.by_name[name].naming
        return value if value is None or naming is None else naming[1](value)

    @cached_property
    def unique(self) -> Mapping[str, Unique]:
        """Fields that are one record's alone, in part or as a whole."""
        return {field.column: field.unique for field in self.fields if field.unique is not None}

    @cached_property
    def figures(self) -> frozenset[str]:
        """Fields whose change makes figures of the time untrue that it holds for."""
        return self._having(Effect.FIGURES, Effect.FOLDS)

    @cached_property
    def folds(self) -> frozenset[str]:
        """Of these, fields that say what a heartbeat credits."""
        return self._having(Effect.FOLDS)

    @cached_property
    def all_time(self) -> frozenset[str]:
        """Fields that hold for all time whenever they are said."""
        return self._having(Effect.ALL_TIME)

    @cached_property
    def on_request(self) -> frozenset[str]:
        """Fields that the past follows where it is rebuilt."""
        return self._having(Effect.ON_REQUEST)

    def _having(self, *effects: Effect) -> frozenset[str]:
        return frozenset(field.column for field in self.fields if field.effect in effects)


def _external_ids(record: Record) -> Iterable[Entry]:
    return (record["external_ids"] or {}).items()


def _source(record: Record) -> Iterable[Entry]:
    source = record["source"]
    if source is None:
        return ()
    channel = "" if source["channel"] is None else f", channel {source['channel']!r}"
    held = f"device {source['device']!r}{channel} of gateway {record['gateway_id']!r}"
    return ((source["mapping"], held),)


def _sparkplug(record: Record) -> Iterable[Entry]:
    node = record["sparkplug"]
    return () if node is None else (("edge node", f"{node['group']}/{node['node']}"),)


_EXTERNAL_IDS: Final = Unique(
    by=frozenset({"external_ids"}),
    entries=_external_ids,
    rule="it is unique within its scheme",
)
_SOURCE: Final = Unique(
    by=frozenset({"source", "gateway_id"}),
    entries=_source,
    rule="one device and channel feeds one instrument of its gateway",
)
_SPARKPLUG: Final = Unique(
    by=frozenset({"sparkplug"}), entries=_sparkplug, rule="one edge node is one gateway"
)

INSTITUTION: Final = Kind(
    "institution",
    (
        Field("name", forms.NAME, else_id=True),
        Field("name_en", forms.NAME),
        Field("kind", forms.WORD),
        Field("district_code", forms.CODE),
        Field("address", forms.ADDRESS),
        Field("lon", forms.LON),
        Field("lat", forms.LAT),
        Field("timezone", forms.ZONE, effect=Effect.FIGURES),
        Field("opening_hours", forms.OPENING_HOURS, effect=Effect.FIGURES),
        Field("external_ids", forms.EXTERNAL_IDS, unique=_EXTERNAL_IDS),
        Field("region_code", forms.CODE, note="of the region that reports name"),
        Field("report_fields", forms.REPORT_FIELDS),
        Field("retired_on", forms.DAY),
    ),
)
GATEWAY: Final = Kind(
    "gateway",
    (
        Field("name", forms.NAME),
        Field("institution_id", forms.INSTITUTION, of="institution"),
        Field(
            "clock_correction_s",
            forms.CORRECTION,
            default=0.0,
            effect=Effect.ON_REQUEST,
            note="added to its device time",
        ),
        Field(
            "sparkplug",
            forms.SPARKPLUG,
            unique=_SPARKPLUG,
            note="the Sparkplug B edge node that it is",
        ),
        Field("retired_on", forms.DAY),
    ),
)
INSTRUMENT: Final = Kind(
    "instrument",
    (
        Field("name", forms.NAME, required=True),
        Field(
            "institution_id",
            forms.INSTITUTION,
            required=True,
            of="institution",
            effect=Effect.FIGURES,
        ),
        Field("gateway_id", forms.GATEWAY, required=True, of="gateway", effect=Effect.FOLDS),
        Field("district_code", forms.CODE),
        Field("class_code", forms.CODE),
        Field("class_scheme", forms.CODE, default="2004"),
        Field("model", forms.NAME),
        Field("manufacturer", forms.NAME),
        Field("external_ids", forms.EXTERNAL_IDS, unique=_EXTERNAL_IDS),
        Field("report_fields", forms.REPORT_FIELDS),
        Field(
            "source",
            forms.SOURCE,
            unique=_SOURCE,
            naming=("mapping", lambda source: source["mapping"]),
            note="the device that speaks for it below its gateway's `native/`",
        ),
        Field("lon", forms.LON),
        Field("lat", forms.LAT),
        Field("value_cny", forms.MONEY),
        Field("kind", forms.INSTRUMENT_KIND, default="general", effect=Effect.FIGURES),
        Field(
            "rated_hours_per_year",
            forms.HOURS_A_YEAR,
            effect=Effect.FIGURES,
            note="hours; null: its kind's",
        ),
        Field(
            "timezone",
            forms.ZONE,
            default=DEFAULT_ZONE,
            effect=Effect.FIGURES,
            note="IANA name",
        ),
        Field(
            "power_rule",
            forms.POWER_RULE,
            effect=Effect.FOLDS,
            note="null: samples credit nothing",
        ),
        Field("interval_s", forms.INTERVAL, effect=Effect.FOLDS),
        Field("hold_s", forms.HOLD, effect=Effect.FOLDS),
        Field("always_on", forms.FLAG, default=False),
        Field(
            "opening_hours",
            forms.OPENING_HOURS,
            effect=Effect.FIGURES,
            note="null: its institution's",
        ),
        Field("session_gap_s", forms.SESSION_LENGTH, default=300.0, effect=Effect.ALL_TIME),
        Field("session_min_s", forms.SESSION_LENGTH, default=60.0, effect=Effect.ALL_TIME),
        Field("planned_on", forms.DAY),
        Field("accepted_on", forms.DAY),
        Field("acquired_on", forms.DAY, note="in service from this local day on"),
        Field("suspensions", forms.SUSPENSIONS),
        Field("retired_on", forms.DAY),
    ),
)
KINDS: Final[Mapping[str, Kind]] = {kind.name: kind for kind in (INSTITUTION, GATEWAY, INSTRUMENT)}


def to_contract_name(name: str) -> str:
    """``hold_us`` -> ``hold_s``."""
    return name.removesuffix("_us") + "_s" if name.endswith("_us") else name


def to_contract(record: Record) -> dict[str, Any]:
    """A record in stored form with the contract's names and units."""
    return {
        to_contract_name(name): seconds(value)
        if name.endswith("_us") and value is not None
        else value
        for name, value in record.items()
    }
