"""Institutions, gateways and instruments as ``PUT``, ``PATCH`` and CSV state them.

``Institution``, ``Gateway`` and ``Instrument`` are whole records, as ``PUT`` and CSV give them;
the ``…Patch`` models take any part of one, as ``PATCH`` does. Their fields are listed in
``registry_fields.py``. Ids stand in the path or the CSV row; a record may say its own again.
Reading CSV is ``registry_csv.py``'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.life_cycle import LifeCycle
from models.refusal import Reason, RefusedError, Why
from models.registry_fields import GATEWAY, INSTITUTION, INSTRUMENT, Kind
from models.registry_forms import Moment
from models.timestamp import EPOCH, MICROSECOND

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class _Stated(BaseModel):
    """What all records share: strict types, no unknown fields, no changes afterwards."""

    # Strict: "12" is no number and 1 no boolean; what CSV writes as text is read there.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    #: What is stated.
    of: ClassVar[Kind]
    #: All of it, not any part: what is left out takes its default.
    whole: ClassVar[bool] = True

    valid_from: Annotated[
        Moment | None,
        Field(description="the time from which the record holds; now, where it is left out"),
    ] = None

    def __init_subclass__(cls, of: Kind | None = None, **config: Any) -> None:
        super().__init_subclass__(**config)
        if of is None:
            return
        cls.of = of
        # Whoever puts back what they were answered says the address's id once more.
        cls.__annotations__[of.id_name] = Annotated[
            str | None, Field(description="the id in the address, where it is said again")
        ]
        setattr(cls, of.id_name, None)
        # Before pydantic looks for them: the fields, as if they were written out here.
        for field in of.fields:
            required = cls.whole and field.required
            default = field.default if cls.whole else None
            optional = default is None and not required
            cls.__annotations__[field.name] = (
                field.form.stated | None if optional else field.form.stated
            )
            if not required:
                setattr(cls, field.name, default)

    @property
    def said_id(self) -> str | None:
        """The id that the record says it is of, where it says one."""
        said: str | None = getattr(self, self.of.id_name)
        return said

    @property
    def valid_from_us(self) -> int | None:
        """``valid_from`` in microseconds since 1970 UTC."""
        return None if self.valid_from is None else (self.valid_from - EPOCH) // MICROSECOND


class Patch(_Stated):
    """Any part of a record."""

    whole = False

    @model_validator(mode="after")
    def _keeps_required(self) -> Self:
        for field in self.of.fields:
            if (
                field.required
                and field.name in self.model_fields_set
                and getattr(self, field.name) is None
            ):
                rule = f"{field.name} cannot be removed; it is required"
                raise RefusedError("required", rule)
        return self

    def stored(self) -> dict[str, Any]:
        """The fields that were sent, in stored form; ``None`` puts one back to its default."""
        return {
            field.column: field.stored(getattr(self, field.name))
            for field in self.of.fields
            if field.name in self.model_fields_set
        }


class WholeRecord(_Stated):
    """A record as ``PUT`` and a row of CSV give it."""

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
            raise RefusedError("half_a_place", "lon and lat belong together; give both or neither")
        if self.of is INSTRUMENT and (fault := LifeCycle.of(self.stored()).fault()):
            raise RefusedError("dates_order", fault)
        return self

    def stored(self) -> dict[str, Any]:
        """All fields as tables have them: ``hold_s`` becomes ``hold_us``, microseconds."""
        return {field.column: field.stored(getattr(self, field.name)) for field in self.of.fields}


class InstitutionPatch(Patch, of=INSTITUTION):
    """Any part of an institution."""


class Institution(WholeRecord, of=INSTITUTION):
    """An institution; without ``name`` it is called by its id."""


class GatewayPatch(Patch, of=GATEWAY):
    """Any part of a gateway."""


class Gateway(WholeRecord, of=GATEWAY):
    """A gateway; without ``name`` it is called by its id."""


class InstrumentPatch(Patch, of=INSTRUMENT):
    """Any part of an instrument."""


class Instrument(WholeRecord, of=INSTRUMENT):
    """An instrument."""


#: Whole records by the names of their kinds.
MODELS: Final[Mapping[str, type[WholeRecord]]] = {
    model.of.name: model for model in (Institution, Gateway, Instrument)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One field that breaks a rule."""

    #: The field's name; empty where the rule is about several.
    field: str
    value: object
    #: What must hold.
    why: Why

    @property
    def rule(self) -> str:
        """The same for people."""
        return self.why.rule


def problems(error: ValidationError) -> list[Problem]:
    """What is wrong with a record, field by field, in the record's order."""
    found = []
    for item in error.errors(include_url=False):
        location = [part for part in item["loc"] if isinstance(part, str)]
        found.append(
            Problem(
                field=location[0] if location else "",
                value=item["input"] if location and item["type"] != "missing" else None,
                why=_why(item),
            )
        )
    return found


def _why(item: "ErrorDetails") -> Why:
    kind, context = item["type"], item.get("ctx", {})
    if isinstance(error := context.get("error"), RefusedError):
        return error.why
    if kind in _RULES:
        return Why(*_RULES[kind], {})
    rule = item["msg"].removeprefix("Value error, ")
    reason, names = _LIMITS.get(kind, ("value_form", {}))
    about = {ours: str(context[theirs]) for theirs, ours in names.items()}
    if kind == "literal_error":
        about["choices"] = about["choices"].replace(" or ", ", ").replace("'", "")
    return Why(reason, rule, about)


_RULES: Final[Mapping[str, tuple[Reason, str]]] = {
    "missing": ("required", "is required"),
    "extra_forbidden": ("unknown_field", "is not a known field"),
}
#: Kinds of errors of the library: the reason, and what it is about by the library's names.
_LIMITS: Final[Mapping[str, tuple[Reason, Mapping[str, str]]]] = {
    "string_type": ("text", {}),
    "string_unicode": ("text", {}),
    "string_pattern_mismatch": ("pattern", {"pattern": "pattern"}),
    "string_too_long": ("signs_most", {"max_length": "most"}),
    "string_too_short": ("signs_least", {"min_length": "least"}),
    "too_long": ("members_most", {"max_length": "most"}),
    "float_type": ("number", {}),
    "finite_number": ("number", {}),
    "greater_than_equal": ("at_least", {"ge": "least"}),
    "less_than_equal": ("at_most", {"le": "most"}),
    "decimal_max_digits": ("digits_most", {"max_digits": "most"}),
    "decimal_whole_digits": ("digits_most", {"whole_digits": "most"}),
    "decimal_max_places": ("decimals_most", {"decimal_places": "most"}),
    "is_instance_of": ("sum_form", {}),
    "decimal_type": ("sum_form", {}),
    "decimal_parsing": ("sum_form", {}),
    "bool_type": ("boolean", {}),
    "date_type": ("date_form", {}),
    "literal_error": ("one_of", {"expected": "choices"}),
    "datetime_type": ("moment_form", {}),
    "timezone_aware": ("moment_form", {}),
}
