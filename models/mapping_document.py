"""The document of a mapping: what may be written in it, with the words for whoever wrote it wrong.

Its JSON Schema is ``mappings/schema.json``; how to write one is told in ``docs/mappings.md``.
What is read by it is in ``mapping.py``.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

from models.mapping_pattern import Name, Place, Places, captures, topic_pattern
from models.mapping_payload import Kind
from models.mapping_time import Epoch
from models.mapping_units import EnergyUnit, PowerUnit, RuntimeUnit
from models.registry_forms import Zone

MAPPING_NAME: Final = "[a-z0-9][a-z0-9-]{0,63}"

Missing = Literal["nothing", "problem"]


def _checked(parse: Callable[[str], object]) -> AfterValidator:
    def check(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(check)


_Text = Annotated[str, StringConstraints(max_length=200)]
_Prose = Annotated[str, StringConstraints(max_length=2_000)]
_Topic = Annotated[_Text, _checked(topic_pattern)]
_Place = Annotated[_Text, _checked(Place.parse)]
_Places = Annotated[_Text, _checked(Places.parse)]
_Name = Annotated[_Text, _checked(Name.parse)]
_Word = Annotated[str, StringConstraints(pattern="^[a-z_]{1,32}$")]
#: Begins what names a form of a value, in the place of an error: it is no name in the document.
TAG: Final = "§"


def _form(value: object) -> str:
    """Which of a value's forms is meant, so that only that form's rules are told."""
    return TAG + ("plain" if isinstance(value, str) else "parted")


#: One place, or several of which the first that holds anything counts.
_At = Annotated[
    Annotated[_Place, Tag("§plain")]
    | Annotated[list[_Place], Field(min_length=1, max_length=10), Tag("§parted")],
    Discriminator(_form),
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _UnitAt(_Part):
    at: _Place = Field(description="where the unit's name lies")


class PowerUnitAt(_UnitAt):
    """A unit of power that the payload names itself; a value in any other is passed over."""

    words: dict[_Text, PowerUnit] = Field(min_length=1, description="the device's words for units")


class EnergyUnitAt(_UnitAt):
    """A unit of energy that the payload names itself; a value in any other is passed over."""

    words: dict[_Text, EnergyUnit] = Field(min_length=1, description="the device's words for units")


class RuntimeUnitAt(_UnitAt):
    """A unit of time that the payload names itself; a value in any other is passed over."""

    words: dict[_Text, RuntimeUnit] = Field(
        min_length=1, description="the device's words for units"
    )


class _Quantity(_Part):
    at: _At = Field(description="where the number lies; of several places the first that has one")
    missing: Missing = Field(
        default="nothing", description="what it means that there is none, or null: never 0"
    )
    arrays: Literal["problem", "channels"] = Field(
        default="problem", description="`channels`: of an array each number is a channel's, from 1"
    )


class Power(_Quantity):
    """Active power."""

    unit: Annotated[
        Annotated[PowerUnit, Tag("§plain")] | Annotated[PowerUnitAt, Tag("§parted")],
        Discriminator(_form),
    ] = Field(description="its unit, or where the payload names it")


class Energy(_Quantity):
    """Energy used since ever, as a counter."""

    unit: Annotated[
        Annotated[EnergyUnit, Tag("§plain")] | Annotated[EnergyUnitAt, Tag("§parted")],
        Discriminator(_form),
    ] = Field(description="its unit, or where the payload names it")


class Runtime(_Quantity):
    """An hour meter: running time since ever. Never a device's uptime."""

    unit: Annotated[
        Annotated[RuntimeUnit, Tag("§plain")] | Annotated[RuntimeUnitAt, Tag("§parted")],
        Discriminator(_form),
    ] = Field(description="its unit, or where the payload names it")


class Time(_Part):
    """When it was. A text is ISO 8601; without an offset it takes the mapping's zone."""

    at: _At = Field(description="where the time lies")
    epoch: Epoch | None = Field(
        default=None, description="what a number counts; null: it is no time"
    )
    missing: Literal["receipt", "problem"] = Field(
        default="receipt",
        description="what it means that there is none: the receipt's, or nothing",
    )


class States(_Part):
    """What the device itself says it does."""

    at: _At = Field(description="where the word lies; true and false are words, too")
    words: dict[_Text, Literal["off", "idle", "running", "unknown"]] = Field(
        min_length=1, description="the device's words, letter by letter; any other is a problem"
    )


class Availability(_Part):
    """Whether the device is there, by its own word or its will."""

    at: _At = Field(description="where the word lies; true and false are words, too")
    words: dict[_Text, bool | None] = Field(
        min_length=1, description="the device's words. true: there; false: gone; null: says neither"
    )


class Record(_Part):
    """One thing in the payload that samples are made of."""

    each: _Places = Field(
        default="", description="where such things lie, `params/switch:{n}`; the whole payload"
    )
    when: dict[_Place, Annotated[list[str | bool | int], Field(min_length=1)]] = Field(
        default_factory=dict, description="only where each of these places has one of its values"
    )
    take: dict[_Word, _Place] = Field(
        default_factory=dict, description="words for names, from the payload"
    )
    device: _Name = Field(default="{device}", description="what the device is called")
    channel: _Name | None = Field(default=None, description="which part of it; null: the whole")
    root: _Name | None = Field(
        default=None,
        description="the device whose loss is this one's too, or without {word} every device's; "
        "beside other things it is told only where one of them is",
    )
    time: Time | None = Field(default=None, description="null: there is none; the time of receipt")
    power: Power | None = None
    energy: Energy | None = None
    runtime: Runtime | None = None
    state: States | None = None
    available: Availability | None = None
    seq: _Place | None = Field(
        default=None,
        description="a number that grows by each reading within one boot",
    )
    boot_id: _Place | None = Field(default=None, description="which boot `seq` belongs to")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        said = (self.power, self.energy, self.runtime, self.state, self.available, self.root)
        if not any(said):
            raise ValueError("must have one of power, energy, runtime, state, available and root")
        return self


class Rule(_Part):
    """What messages of one kind of topic say."""

    topic: _Topic = Field(description="below `native/`: `tele/{device}/SENSOR`, `{device+}/online`")
    payload: Kind = "json"
    ignore: bool = Field(default=False, description="they are known, and say nothing of use")
    records: list[Record] = Field(default_factory=list, max_length=100)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.ignore == bool(self.records):
            raise ValueError("must either have records or be ignored")
        for number, record in enumerate(self.records):
            known = {*captures(self.topic), *captures(record.each), *record.take}
            for field in ("device", "channel", "root"):
                unknown = set(captures(getattr(record, field) or "")) - known
                if unknown:
                    raise ValueError(
                        f"records.{number}.{field} names {{{min(unknown)}}}, which neither topic, "
                        f"each nor take provides"
                    )
        return self


class MappingContent(_Part):
    """What a mapping says, apart from what it is called."""

    title: _Text = ""
    about: _Prose = Field(default="", description="for people: which devices, which settings")
    zone: Zone | None = Field(
        default=None, description="of times without an offset, an IANA name; null: the service's"
    )
    rules: list[Rule] = Field(
        min_length=1, max_length=100, description="the first whose topic fits is used"
    )


class MappingDocument(MappingContent):
    """How the messages of one family of devices are read: data, without any script."""

    name: Annotated[str, StringConstraints(pattern=f"^{MAPPING_NAME}$")]
    version: int = Field(ge=1, le=1_000_000)

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The document's JSON Schema, for editors and other programs."""
        schema = cls.model_json_schema()
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}

    def to_json(self) -> dict[str, Any]:
        """The document as it is written, what is left to its default left out."""
        said = self.model_dump(mode="json", exclude_defaults=True)
        return {"name": self.name, "version": self.version, **said}
