"""Which alerts begin and end by conditions: what holds of a subject now, or does not.

A kind of alert only finds what holds; when an alert of that begins, ends, or is part of a wider
one follows from here alone, the same for all. Silence, which has to last, is ``silence.py``'s.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple

from models.alert_kind import AlertKind

#: A kind of alert, and the key of what it is of.
Subject = tuple[AlertKind, int]
#: Why nobody has to look after something any more.
Because = Literal["retired", "suspended", "maintenance", "moved"]
Detail = Mapping[str, str | int | float | None]


class Condition(NamedTuple):
    """Something that holds of a subject, and that somebody should look after."""

    kind: AlertKind
    key: int
    #: As people call the subject.
    subject_id: str
    #: None: it is the city's.
    institution: int | None
    #: Since when it holds (µs since 1970).
    since_us: int
    #: How many instruments it concerns.
    instruments: int
    #: What else is to be said of it.
    detail: Detail = MappingProxyType({})

    @property
    def subject(self) -> Subject:
        """What it is of."""
        return self.kind, self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one kind of look found."""

    holds: Sequence[Condition]
    #: Subjects of which it holds as part of something wider that is among these.
    covered: frozenset[Subject] = frozenset()
    #: Subjects that nobody has to look after, whatever holds of them.
    excused: Mapping[Subject, Because] = field(default_factory=dict)
    #: Which keys were looked at; of others nothing is known now.
    looked: Callable[[int], bool] = lambda _: True


@dataclass(slots=True, kw_only=True)
class Turn:
    """What changes now."""

    begin: list[Condition] = field(default_factory=list)
    end: list[Subject] = field(default_factory=list)
    #: Of those that end although it holds: why nobody has to look after it any more.
    because: dict[Subject, Because] = field(default_factory=dict)
    #: Part of a wider alert from now on.
    fold: list[Subject] = field(default_factory=list)
    #: Of alerts that stand: since when it does not hold any more; ``None``: it does again.
    over: dict[Subject, int | None] = field(default_factory=dict)


def judge(
    now_us: int, found: Found, standing: Mapping[Subject, int | None], steady_us: int
) -> Turn:
    """What begins, ends and is folded now.

    Args:
        now_us: The database's clock.
        found: By one look.
        standing: The alerts of its kinds that stand, each with since when it does not hold.
        steady_us: How long it must not hold until its alert ends: what comes and goes is one.
    """
    turn = Turn()
    holds = {one.subject: one for one in found.holds}
    turn.begin = [one for subject, one in holds.items() if subject not in standing]
    for subject, over_us in standing.items():
        if subject in holds:
            if over_us is not None:
                turn.over[subject] = None
        elif subject in found.covered:
            turn.fold.append(subject)
        elif not found.looked(subject[1]):
            continue
        elif subject in found.excused:
            turn.end.append(subject)
            turn.because[subject] = found.excused[subject]
        elif now_us - (now_us if over_us is None else over_us) >= steady_us:
            turn.end.append(subject)
        elif over_us is None:
            turn.over[subject] = now_us
    return turn


class Wider(NamedTuple):
    """What several subjects are part of."""

    kind: AlertKind
    key: int
    subject_id: str
    institution: int | None
    #: How many of them there are, whatever holds of them.
    parts: int


def at_widest(holds: Iterable[Condition], wider: Mapping[int, Wider]) -> Found:
    """One alert for one cause: what holds of two or more parts, half of them at least, is told of
    what they are part of.

    Args:
        holds: Of parts.
        wider: By a part's key, what it is part of; parts may lack it.
    """
    told: list[Condition] = []
    covered: set[Subject] = set()
    by_wider: dict[Wider, list[Condition]] = defaultdict(list)
    for one in holds:
        if one.key in wider:
            by_wider[wider[one.key]].append(one)
        else:
            told.append(one)
    for whole, parts in by_wider.items():
        if len(parts) < 2 or 2 * len(parts) < whole.parts:
            told += parts
            continue
        covered |= {one.subject for one in parts}
        told.append(
            Condition(
                kind=whole.kind,
                key=whole.key,
                subject_id=whole.subject_id,
                institution=whole.institution,
                since_us=min(one.since_us for one in parts),
                instruments=sum(one.instruments for one in parts),
                detail={"parts": len(parts), "of": whole.parts},
            )
        )
    return Found(holds=told, covered=frozenset(covered))
