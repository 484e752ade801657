"""Scores: what a scheme makes of inputs, each with its lower and upper bound.

Everything is a fraction until the end, where a score is rounded once, the half up. An input that is
not known exactly is a range; a score's bounds follow from the ranges, each end taken as it is worst
or best for whoever is judged. What is missing is missing: then there is no score, and its bounds
are those of anything that could be there. Documents are in `scheme_document.py`, ranks in
`evaluation.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from models.scheme_document import Criterion, Floor, SchemeContent, Step, Term, exact

_NOTHING = Fraction(0)


class Amount(NamedTuple):
    """An input: what it is, and the range in which it can be."""

    #: None: it is missing.
    value: Fraction | None
    low: Fraction
    #: None: there is no end to it.
    high: Fraction | None

    @classmethod
    def of(cls, value: Fraction | int) -> "Amount":
        """One that is known exactly."""
        return cls(Fraction(value), Fraction(value), Fraction(value))

    def __add__(self, other: "Amount") -> "Amount":  # type: ignore[override]
        """Of two together; what either misses, both do."""
        return Amount(
            None if self.value is None or other.value is None else self.value + other.value,
            self.low + other.low,
            None if self.high is None or other.high is None else self.high + other.high,
        )


#: Nobody said anything.
MISSING = Amount(None, _NOTHING, None)


class Points(NamedTuple):
    """A score, or a part of it."""

    #: None: an input is missing.
    score: Fraction | None
    lower: Fraction
    upper: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a criterion gives: of its weight."""

    criterion: Criterion
    points: Points
    #: Names of what it asks for and nobody said.
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A floor held to an amount."""

    floor: Floor
    amount: Amount

    @property
    def is_met(self) -> bool:
        """Whether the least that it can be is enough."""
        return self.amount.low >= exact(self.floor.least)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What becomes of one that is judged; points of 100, rounded as the scheme says."""

    points: Points
    parts: tuple[Part, ...]
    floors: tuple[Reached, ...]

    @property
    def is_ranked(self) -> bool:
        """Whether every floor is met."""
        return all(one.is_met for one in self.floors)


def score(scheme: SchemeContent, inputs: Mapping[str, Amount]) -> Score:
    """What a scheme makes of inputs; of those that are not there nothing is known."""
    parts = [_part(criterion, inputs) for criterion in scheme.criteria]
    scores = [part.points.score for part in parts]
    told = [one for one in scores if one is not None]
    whole = Points(
        sum(told, _NOTHING) if len(told) == len(scores) else None,
        sum((part.points.lower for part in parts), _NOTHING),
        sum((part.points.upper for part in parts), _NOTHING),
    )
    floors = [Reached(floor=one, amount=_ratio(one, inputs)) for one in scheme.floors]
    return Score(points=_rounded(whole, scheme), parts=tuple(parts), floors=tuple(floors))


def rounded(number: Fraction, decimals: int) -> Fraction:
    """To so many decimals, the half up.

    >>> rounded(Fraction("0.125"), 2)
    Fraction(13, 100)
    """
    scale = 10**decimals
    return Fraction((2 * number * scale + 1) // 2, scale)


def _rounded(points: Points, scheme: SchemeContent) -> Points:
    return Points._make(None if one is None else rounded(one, scheme.decimals) for one in points)


def _part(criterion: Criterion, inputs: Mapping[str, Amount]) -> Part:
    full, weight = exact(criterion.full), exact(criterion.weight)
    terms = [_points(term, _ratio(term, inputs)) for term in criterion.terms]
    missing = {name for term in criterion.terms for name in _missing(term, inputs)}

    def share(points: Sequence[Fraction | None], otherwise: Fraction) -> Fraction:
        told = [one for one in points if one is not None]
        reached = sum(told, _NOTHING) if len(told) == len(points) else otherwise
        return weight * min(max(reached, _NOTHING), full) / full

    is_told = all(value is not None for value, _, _ in terms)
    return Part(
        criterion=criterion,
        points=Points(
            share([value for value, _, _ in terms], _NOTHING) if is_told else None,
            # What has no end is as bad, or as good, as can be.
            share([low for _, low, _ in terms], _NOTHING),
            share([high for _, _, high in terms], full),
        ),
        missing=tuple(sorted(missing)),
    )


def _ratio(asked: Term | Floor, inputs: Mapping[str, Amount]) -> Amount:
    """An input, or one divided by another; by nothing, it could be anything."""
    of = inputs.get(asked.input, MISSING)
    if asked.over is None:
        return of
    over = inputs.get(asked.over, MISSING)
    return Amount(
        of.value / over.value if of.value is not None and over.value else None,
        of.low / over.high if over.high else _NOTHING,
        of.high / over.low if of.high is not None and over.low else None,
    )


def _missing(term: Term, inputs: Mapping[str, Amount]) -> list[str]:
    """Names of what a term misses: an input, or one above 0 to divide by."""
    asked = [name for name in (term.input, term.over) if name]
    missing = [name for name in asked if inputs.get(name, MISSING).value is None]
    return missing or (asked[1:] if _ratio(term, inputs).value is None else [])


_Range = tuple[Fraction | None, Fraction | None, Fraction | None]


def _points(term: Term, amount: Amount) -> _Range:
    """Points for an amount, and the least and most of them; None: there is no end to it."""
    if term.steps is not None:
        ends = (_step(term.steps, amount.low), _step(term.steps, amount.high))
        value = None if amount.value is None else _step(term.steps, amount.value)
        return value, min(ends), max(ends)
    assert term.points is not None, "it has points or steps"
    each = exact(term.points) / exact(term.per)
    low, high = amount.low * each, None if amount.high is None else amount.high * each
    value = None if amount.value is None else amount.value * each
    return (value, low, high) if each >= 0 else (value, high, low)


def _step(steps: Sequence[Step], amount: Fraction | None) -> Fraction:
    """Points of the last step that an amount reaches; without an end, of the last of all."""
    reached = [step for step in steps if amount is None or exact(step.from_) <= amount]
    return exact(reached[-1].points) if reached else _NOTHING
