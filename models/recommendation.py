"""Which of the instruments that are to be had to recommend, and why.

Each has marks of up to ``FULL`` for each *part*: how well the words fit, how near it is, whether it
stays free for as long as is wished, how quiet it usually is at that time of the week, and how much
of its recent time is known at all. What a question does not ask for has no part. The marks weigh as
``WEIGHTS`` says; all of it is whole numbers, so that every replica comes to the same order, and of
equals the smaller id comes first. What is not known never helps: it counts as far, or as busy.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

#: The most that a part can have.
FULL = 1_000
#: What the parts weigh; docs/api.md says the same.
WEIGHTS = {"words": 30, "distance": 25, "free": 15, "quiet": 15, "trust": 15}
#: At this distance half of the marks are left (metres).
HALF_M = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An instrument that is to be had, and what speaks for it."""

    instrument_id: str
    #: How well the words fit, and how well they could; None: no words were asked for.
    words: tuple[int, int] | None = None
    #: Whether a place was asked for; and how far it is, where that is known (metres).
    is_placed: bool = False
    distance_m: float | None = None
    #: For how long it stays free, and how long is wished (µs); None: nothing planned ends it.
    free_us: int | None
    wished_us: int
    #: In the same hours of the last weeks: running and known time, and all (µs).
    ran_us: int
    known_us: int
    hours_us: int
    #: Of its recent time what is known, and all (µs).
    recent_known_us: int
    recent_us: int


class Part(NamedTuple):
    """One part's marks, and what they were given for."""

    name: str
    weight: int
    marks: int
    because: str


class Recommended(NamedTuple):
    """A candidate's marks in all, and how they came about."""

    instrument_id: str
    marks: int
    parts: tuple[Part, ...]

    @property
    def order(self) -> tuple[int, str]:
        """The best first; of equals the smaller id."""
        return -self.marks, self.instrument_id


def recommend(candidates: Iterable[Candidate]) -> list[Recommended]:
    """All of them, the best first; what one has does not depend on the others."""
    return sorted(map(judge, candidates), key=lambda one: one.order)


def judge(one: Candidate) -> Recommended:
    """One candidate's marks."""
    parts = tuple(
        Part(name, WEIGHTS[name], marks, because)
        for name, marks, because in (
            *_words(one),
            *_distance(one),
            ("free", *_free(one)),
            ("quiet", *_quiet(one)),
            ("trust", *_trust(one)),
        )
    )
    weight = sum(part.weight for part in parts)
    marks = sum(part.weight * part.marks for part in parts) // weight
    return Recommended(one.instrument_id, marks, parts)


def _words(one: Candidate) -> list[tuple[str, int, str]]:
    if one.words is None:
        return []
    fit, most = one.words
    marks = FULL * min(fit, most) // most
    return [("words", marks, f"the words fit by {marks // 10} of 100")]


def _distance(one: Candidate) -> list[tuple[str, int, str]]:
    if not one.is_placed:
        return []
    if one.distance_m is None:
        return [("distance", 0, "where it stands is not known")]
    metres = round(one.distance_m)
    return [("distance", FULL * HALF_M // (HALF_M + metres), f"{metres} m away")]


def _free(one: Candidate) -> tuple[int, str]:
    if one.free_us is None:
        return FULL, "nothing planned ends it"
    marks = min(FULL, FULL * one.free_us // one.wished_us)
    return marks, f"free for {one.free_us // 60_000_000} min"


def _quiet(one: Candidate) -> tuple[int, str]:
    if not one.known_us:
        return 0, "nothing is known of this time of the week"
    # Of all the time looked at: what is not known may have been busy.
    marks = FULL * (one.known_us - one.ran_us) // one.hours_us
    share = 100 * one.ran_us // one.known_us
    return marks, f"ran {share} % of the known time in these hours of the last weeks"


def _trust(one: Candidate) -> tuple[int, str]:
    marks = FULL * one.recent_known_us // one.recent_us if one.recent_us else 0
    return marks, f"{marks // 10} % of its last weeks are known"
