"""The life cycle of an instrument: which state it is in on a day, and what may come next.

Its dates are fields of the registry and stand nowhere else (`registry_fields.py`): `planned_on`,
`accepted_on`, `acquired_on` (in service from), `suspensions`, `retired_on`. What follows from them
is here alone. Figures go by the days of service, ``acquired_on`` ≤ day < ``retired_on``
(`group.py: in_service`): time of a suspension stays in them, as it was measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple, Self


class LifeState(StrEnum):
    """What an instrument is to those that account for it."""

    PLANNED = "planned"
    ACCEPTED = "accepted"
    IN_SERVICE = "in_service"
    SUSPENDED = "suspended"
    RETIRED = "retired"


#: From which state which may follow; `None`: before anything is dated.
NEXT: Mapping[LifeState | None, frozenset[LifeState]] = {
    None: frozenset({LifeState.PLANNED, LifeState.ACCEPTED, LifeState.IN_SERVICE,
                     LifeState.SUSPENDED, LifeState.RETIRED}),
    LifeState.PLANNED: frozenset({LifeState.ACCEPTED, LifeState.IN_SERVICE, LifeState.RETIRED}),
    LifeState.ACCEPTED: frozenset({LifeState.IN_SERVICE, LifeState.RETIRED}),
    LifeState.IN_SERVICE: frozenset({LifeState.SUSPENDED, LifeState.RETIRED}),
    LifeState.SUSPENDED: frozenset({LifeState.IN_SERVICE, LifeState.RETIRED}),
    LifeState.RETIRED: frozenset(),
}  # fmt: skip


class ForbiddenMoveError(Exception):
    """A state may not follow, or not on that day; the text is for people."""

    def __init__(self, field: str, value: object, rule: str) -> None:
        super().__init__(rule)
        self.field = field
        self.value = value
        self.rule = rule


class Step(NamedTuple):
    """From a day on an instrument is in a state."""

    on: date
    state: LifeState


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeCycle:
    """An instrument's dates; local days."""

    planned_on: date | None = None
    accepted_on: date | None = None
    acquired_on: date | None = None
    retired_on: date | None = None
    #: ``{"from": "2026-03-01", "to": … or None}``, in order and apart.
    suspensions: Sequence[Mapping[str, str | None]] = ()

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """From a record in stored form."""
        dates = {name: record[name] for name in cls.__dataclass_fields__ if name != "suspensions"}
        return cls(**dates, suspensions=record["suspensions"] or ())

    def steps(self) -> list[Step]:
        """Its states, each with the day from which on it holds, in order."""
        found = [
            Step(day, state)
            for day, state in (
                (self.planned_on, LifeState.PLANNED),
                (self.accepted_on, LifeState.ACCEPTED),
                (self.acquired_on, LifeState.IN_SERVICE),
            )
            if day is not None
        ]
        for start, end in map(_span, self.suspensions):
            # One that begins where the last one ends leaves no day between.
            if found and found[-1] == Step(start, LifeState.IN_SERVICE):
                found.pop()
            found.append(Step(start, LifeState.SUSPENDED))
            if end is not None:
                found.append(Step(end, LifeState.IN_SERVICE))
        if self.retired_on is not None:
            found = [step for step in found if step.on < self.retired_on]
            found.append(Step(self.retired_on, LifeState.RETIRED))
        # Of states of one day the last one holds: nobody is planned for no time at all.
        return [one for at, one in enumerate(found, 1) if at == len(found) or one.on < found[at].on]

    def on(self, day: date) -> LifeState | None:
        """The state on a day; without any date that it entered service it always was in it.

        `None`: before its first date.
        """
        steps = self.steps()
        before = [step.state for step in steps if step.on <= day]
        if before:
            return before[-1]
        return LifeState.IN_SERVICE if self._undated else None

    @property
    def _undated(self) -> bool:
        """Whether no date says when it began."""
        return self.planned_on is None and self.accepted_on is None and self.acquired_on is None

    def moved(self, state: LifeState, on: date, reason: str) -> dict[str, Any]:
        """The fields that change where it is in a state from a day on; none where it is already.

        Raises:
            ForbiddenMoveError: the state may not follow, or not on that day.
        """
        steps = self.steps()
        last = steps[-1] if steps else None
        if last == Step(on, state):
            return {}
        present = None if last is None else last.state
        if state not in NEXT[present]:
            after = ", ".join(sorted(NEXT[present])) or "nothing: clear retired_on to take it back"
            since = "" if last is None else f" since {last.on}"
            rule = f"what may follow {present}{since}: {after}"
            raise ForbiddenMoveError("state", state.value, rule)
        if last is not None and on < last.on:
            rule = f"not before {last.on}, since when it is {last.state}"
            raise ForbiddenMoveError("on", on.isoformat(), rule)
        match state:
            case LifeState.PLANNED:
                return {"planned_on": on}
            case LifeState.ACCEPTED:
                return {"accepted_on": on}
            case LifeState.RETIRED:
                return {"retired_on": on}
            case LifeState.SUSPENDED:
                new = {"from": on.isoformat(), "to": None, "reason": reason}
                return {"suspensions": [*self.suspensions, new]}
            case LifeState.IN_SERVICE if present is LifeState.SUSPENDED:
                *before, open_one = self.suspensions
                if open_one["from"] == on.isoformat():
                    return {"suspensions": before or None}
                return {"suspensions": [*before, {**open_one, "to": on.isoformat()}]}
            case LifeState.IN_SERVICE:
                return {"acquired_on": on}

    def fault(self) -> str | None:
        """What is wrong with its dates, for people; `None`: nothing."""
        named = [("planned_on", self.planned_on), ("accepted_on", self.accepted_on),
                 ("acquired_on", self.acquired_on)]  # fmt: skip
        dated = [(name, day) for name, day in named if day is not None]
        for (before, first), (name, day) in pairwise(dated):
            if first > day:
                return f"{name} is {day}; it must not lie before {before}, which is {first}"
        if dated and self.retired_on is not None and dated[-1][1] >= self.retired_on:
            before, first = dated[-1]
            return f"retired_on is {self.retired_on}; it must lie after {before}, which is {first}"
        if self.suspensions:
            start = _span(self.suspensions[0])[0]
            if dated and start < dated[-1][1]:
                return (
                    f"suspensions begin on {start}; an instrument is suspended from service, and"
                    f" {dated[-1][0]} is {dated[-1][1]}"
                )
        return None


def _span(one: Mapping[str, str | None]) -> tuple[date, date | None]:
    start, end = one["from"], one["to"]
    assert start is not None, "a suspension has a beginning"
    return date.fromisoformat(start), None if end is None else date.fromisoformat(end)
