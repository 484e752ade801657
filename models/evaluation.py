"""Evaluations: who is judged by what, and who comes before whom.

What a scheme makes of inputs is in `scheme.py`; how closed periods give them, in
``store/evaluation/inputs.py``; the files that are published, in `evaluation_file.py`.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from models.confirmed import Confirmed
from models.scheme import MISSING, Amount, Score, score
from models.scheme_document import GIVEN, SchemeDocument, exact

_is_number = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An instrument or institution with its inputs by name."""

    subject_id: str
    name: str
    institution_id: str
    institution_name: str
    inputs: Mapping[str, Amount]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One with its score, and its place among all."""

    judged: Judged
    score: Score
    #: By the lower bound, from 1; those with the same have the same. None: a floor is not met.
    rank: int | None
    #: How many have this rank, itself included.
    tied: int
    #: What the lower and the upper bound are called; None: nothing, or a floor is not met.
    band: str | None
    band_upper: str | None


def amounts(
    confirmed: Confirmed,
    measured: tuple[int, int] | None,
    value_cny: Decimal | None,
    said: Mapping[str, str],
    wanted: Iterable[str],
) -> dict[str, Amount]:
    """An instrument's inputs: those that a scheme wants.

    What is not confirmed could have been anything: use at the most, and none at the least.

    Args:
        confirmed: What its closed period keeps beside its figures.
        measured: Its effective and its known time, µs; None: it was never heard.
        value_cny: What it cost.
        said: What its institution said of it and the period, by word.
        wanted: Names of inputs.
    """
    most = _seconds(confirmed.window_us - confirmed.unused_us)
    heard = measured is not None
    effective_us, known_us = measured or (0, 0)
    known = _seconds(known_us)
    external = _seconds(confirmed.external_us)
    found = {
        "effective_s": Amount(
            _seconds(effective_us) if heard else None,
            _seconds(confirmed.effective_us),
            most,
        ),
        "external_s": Amount(
            external if heard else None,
            # Periods that an earlier version closed counted what a newer word had taken back.
            min(_seconds(confirmed.effective_external_us), external),
            most,
        ),
        # How much is known is no matter of what happened.
        "known_s": Amount(known, _seconds(confirmed.running_us + confirmed.unused_us), known),
        "rated_s": Amount.of(_seconds(confirmed.rated_us)),
        "window_s": Amount.of(_seconds(confirmed.window_us)),
        "value_cny": MISSING if value_cny is None else Amount.of(Fraction(value_cny)),
        "instruments": Amount.of(1),
    }
    return {
        name: given(said.get(name.removeprefix(GIVEN), ""))
        if name.startswith(GIVEN)
        else found[name]
        for name in wanted
    }


def given(text: str) -> Amount:
    """What an institution wrote into a field; what is no number is missing."""
    return Amount.of(Fraction(text)) if _is_number(text.strip()) else MISSING


def _seconds(us: int) -> Fraction:
    return Fraction(us, 1_000_000)


def together(instruments: Iterable[Judged]) -> list[Judged]:
    """Institutions: what each one's instruments come to, missing where any of them misses it."""
    found: dict[str, list[Judged]] = defaultdict(list)
    for one in instruments:
        found[one.institution_id].append(one)
    return [
        Judged(
            subject_id=institution,
            name=those[0].institution_name,
            institution_id=institution,
            institution_name=those[0].institution_name,
            inputs={name: _sum(one.inputs[name] for one in those) for name in those[0].inputs},
        )
        for institution, those in found.items()
    ]


def _sum(those: Iterable[Amount]) -> Amount:
    total = Amount.of(0)
    for one in those:
        total += one
    return total


def evaluate(scheme: SchemeDocument, instruments: Iterable[Judged]) -> list[Placed]:
    """Whoever a scheme judges, by rank and id, those without a rank last.

    Args:
        scheme: Of instruments, or of institutions.
        instruments: In whatever order.
    """
    judged = together(instruments) if scheme.subject == "institution" else instruments
    scored = [(one, score(scheme, one.inputs)) for one in judged]
    lowers = sorted((of.points.lower for _, of in scored if of.is_ranked), reverse=True)
    ranks: dict[Fraction, int] = {}
    for place, lower in enumerate(lowers, 1):
        ranks.setdefault(lower, place)
    tied = Counter(lowers)
    placed = [
        Placed(
            judged=one,
            score=of,
            rank=ranks[of.points.lower] if of.is_ranked else None,
            tied=tied[of.points.lower] if of.is_ranked else 1,
            band=_band(scheme, of.points.lower) if of.is_ranked else None,
            band_upper=_band(scheme, of.points.upper),
        )
        for one, of in scored
    ]
    return sorted(placed, key=lambda one: (one.rank is None, one.rank or 0, one.judged.subject_id))


def _band(scheme: SchemeDocument, points: Fraction) -> str | None:
    return next((one.name for one in scheme.bands if exact(one.from_) <= points), None)
