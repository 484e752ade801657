"""The document of a scheme: how instruments or institutions are judged, as data.

Its JSON Schema is ``schemes/schema.json``; how to write one is told in ``docs/evaluation.md``. What
becomes of inputs by it is in `scheme.py`.
"""

import re
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from models.report_profile_document import Origin, Prose
from models.shelf import DocumentError

SCHEME_NAME: Final = "[a-z0-9][a-z0-9-]{0,63}"
#: Whom a scheme judges.
SubjectKind = Literal["instrument", "institution"]
#: What a closed period measures or has from the registry.
MEASURED: Final = ("effective_s", "external_s", "known_s")
FIXED: Final = ("rated_s", "window_s", "value_cny", "instruments")
#: Before a word of one's own: what institutions said of an instrument and period.
GIVEN: Final = "value."
_is_input = re.compile(rf"{'|'.join((*MEASURED, *FIXED))}|value\.\S(.{{0,62}}\S)?").fullmatch
#: Numbers that are the same wherever they are read: fifteen digits are exact in any float.
_PLACES, _MOST = 6, 10**9


@lru_cache(maxsize=1_024)
def exact(number: float) -> Fraction:
    """A document's number as the decimal that it is written as."""
    return Fraction(str(number))


def _decimal(number: float) -> float:
    if abs(number) > _MOST or (exact(number) * 10**_PLACES).denominator != 1:
        raise ValueError(f"must have at most {_PLACES} decimals and lie within ±{_MOST:,}")
    return number


def _input(name: str) -> str:
    if not _is_input(name):
        raise ValueError(
            f"is {name!r}, which is no input; inputs are {', '.join((*MEASURED, *FIXED))},"
            f" and {GIVEN}WORD for what institutions say of an instrument and period"
        )
    return name


_Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_Prose = Annotated[str, StringConstraints(max_length=4_000)]
_Word = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{0,63}$")]
Number = Annotated[int | float, AfterValidator(_decimal)]
Input = Annotated[str, StringConstraints(max_length=80), AfterValidator(_input)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Texts(_Part):
    """The same in both languages of the page."""

    en: _Text
    zh: _Text


class Step(_Part):
    """Points from some amount on."""

    from_: Annotated[Number, Field(alias="from", ge=0)]
    points: Number


class Term(_Part):
    """What an input gives points for: each unit of it, or steps."""

    input: Input
    over: Input | None = Field(default=None, description="what it is divided by")
    points: Number | None = Field(default=None, description="for each `per`; less than 0 takes off")
    per: Annotated[Number, Field(gt=0)] = 1
    steps: list[Step] | None = Field(default=None, min_length=1, max_length=50)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.points is None) == (self.steps is None):
            raise ValueError("must have either points or steps")
        if self.steps is not None:
            _ascending("steps", [step.from_ for step in self.steps])
            reached = [step.points for step in self.steps]
            if self.steps[0].from_ > 0:
                reached = [0, *reached]
            rises, falls = (
                any(sign * (later - earlier) > 0 for earlier, later in pairwise(reached))
                for sign in (1, -1)
            )
            if rises and falls:
                raise ValueError(
                    "has steps that rise and fall; they must go one way, or no bound would follow"
                )
        return self


class Criterion(_Part):
    """A part of the score."""

    name: _Word
    title: Texts
    weight: Annotated[Number, Field(gt=0, le=100)]
    full: Annotated[Number, Field(gt=0)] = Field(
        default=100, description="points that count as all of it; more count no more"
    )
    terms: list[Term] = Field(min_length=1, max_length=50)


class Floor(_Part):
    """Whoever does not reach it has neither rank nor band."""

    input: Input
    over: Input | None = None
    least: Annotated[Number, Field(ge=0)]


class Band(_Part):
    """What a score from some number on is called."""

    name: _Word
    title: Texts
    from_: Annotated[Number, Field(alias="from", ge=0, le=100)]


class SchemeContent(_Part):
    """A scheme without its name and version."""

    title: Texts
    about: _Prose | Prose = Field(default="", description="in one language, or in both")
    origin: Origin | None = None
    subject: SubjectKind = "instrument"
    decimals: Annotated[int, Field(ge=0, le=6)] = Field(
        default=2, description="of scores, the half rounded up; ranks and bands go by these"
    )
    criteria: list[Criterion] = Field(min_length=1, max_length=50)
    floors: list[Floor] = Field(default=[], max_length=20)
    bands: list[Band] = Field(default=[], max_length=20, description="the highest first")

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = sum(exact(criterion.weight) for criterion in self.criteria)
        if total != 100:
            raise ValueError(f"has weights that add up to {float(total):g}; they must to 100")
        _distinct("criteria", [criterion.name for criterion in self.criteria])
        _distinct("bands", [band.name for band in self.bands])
        _ascending("bands", [band.from_ for band in reversed(self.bands)])
        return self

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of all inputs that it asks for, sorted."""
        parts: Iterable[Term | Floor] = (
            *self.floors,
            *(term for criterion in self.criteria for term in criterion.terms),
        )
        return tuple(sorted({name for one in parts for name in (one.input, one.over) if name}))


class SchemeDocument(SchemeContent):
    """A scheme."""

    name: Annotated[str, StringConstraints(pattern=f"^{SCHEME_NAME}$")]
    version: Annotated[int, Field(ge=1, le=1_000_000)]

    @classmethod
    def parse(cls, document: object) -> "SchemeDocument":
        """A scheme of a document as JSON has it.

        Raises:
            SchemeError: with every problem of it.
        """
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise SchemeError(
                [
                    (
                        ".".join(map(str, one["loc"])),
                        one["msg"].removeprefix("Value error, "),
                    )
                    for one in error.errors(include_url=False)
                ]
            ) from error

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The document's JSON Schema, for editors and other programs."""
        schema = cls.model_json_schema()
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}

    def to_json(self) -> dict[str, Any]:
        """As it is written down: what is left to its default is left out."""
        said = self.model_dump(mode="json", exclude_defaults=True, by_alias=True)
        return {"name": self.name, "version": self.version, **said}


class SchemeError(DocumentError):
    """A document is no scheme; each problem is where it lies, and the rule."""


def _distinct(what: str, names: list[str]) -> None:
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"has {what} that are called {twice[0]!r} twice")


def _ascending(what: str, numbers: list[int | float]) -> None:
    for lower, upper in pairwise(numbers):
        if upper <= lower:
            raise ValueError(f"has {what} out of order: {lower:g} and {upper:g}")
