"""Who is silent, folded: one alert for one cause, and which alerts begin and end.

Values in, values out; ``ingest/alerting/silence.py`` asks the database and writes. An instrument
counts as *heard* while it is online, and as *silent* once it has not been for its kind's time,
of which somebody has to have listened all along. A gateway is heard while any instrument behind
it is, silent when none is; so is an institution. Between the two nothing begins or ends.

- Where an institution is silent, its gateways and instruments are part of that one alert; where
  a gateway is, its instruments are.
- An alert ends when its subject has been heard for ``steady_us`` without a break, so that a
  device that comes and goes is one alert; until then those beneath it stay folded.
- One whose subject is nobody's business any more (retired, suspended, in maintenance) ends at once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What is silent; the widest first."""

    INSTITUTION = "institution_silent"
    GATEWAY = "gateway_silent"
    INSTRUMENT = "instrument_silent"


class Device(NamedTuple):
    """An instrument in service that was heard once; times in µs since 1970."""

    institution: int
    gateway: int
    instrument: int
    #: Until when it is, or was, online.
    until_us: int


Subject = tuple[Kind, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Settings."""

    #: By kind: how long silence lasts until it is an alert (µs).
    after_us: Mapping[Kind, int]
    #: How long a subject has to be heard until its alert ends (µs).
    steady_us: int
    #: Silence that began longer ago begins no alert (µs): it is known, or never mattered.
    newer_us: int


@dataclass(slots=True, kw_only=True)
class Open:
    """An alert that stands."""

    #: Since when its subject is heard again without a break; ``None``: it is not.
    heard_since_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """An alert that begins."""

    kind: Kind
    key: int
    institution: int
    #: When the subject was online last (µs).
    since_us: int
    #: How many instruments are silent with it.
    instruments: int


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What changes now."""

    begin: list[Silence] = field(default_factory=list)
    #: Heard again.
    end: list[Subject] = field(default_factory=list)
    #: Nobody's business any more: silent or not, its alert ends.
    gone: list[Subject] = field(default_factory=list)
    #: Part of a wider alert from now on.
    fold: list[Subject] = field(default_factory=list)
    #: Of alerts that stand: since when the subject is heard; ``None``: not any more.
    heard: dict[Subject, int | None] = field(default_factory=dict)


@dataclass(slots=True)
class _Group:
    institution: int
    instruments: int = 0
    until_us: int = -(1 << 62)
    #: Whether somebody listens to every one of them, and since when to all.
    listened_us: int | None = -(1 << 62)

    def add(self, until_us: int, listened_us: int | None) -> None:
        self.instruments += 1
        self.until_us = max(self.until_us, until_us)
        if listened_us is None or self.listened_us is None:
            self.listened_us = None
        else:
            self.listened_us = max(self.listened_us, listened_us)

    def is_silent(self, now_us: int, after_us: int) -> bool:
        if self.listened_us is None:
            return False
        return now_us - max(self.until_us, self.listened_us) >= after_us


def may_begin(now_us: int, listened: Iterable[int | None], limits: Limits) -> bool:
    """Whether an alert could begin at all, whatever the devices say.

    Args:
        now_us: The database's clock.
        listened: Since when somebody listens, to each gateway; ``None``: nobody does.
        limits: Settings.
    """
    latest_us = now_us - min(limits.after_us.values())
    return any(since_us is not None and since_us <= latest_us for since_us in listened)


def judge(
    now_us: int,
    devices: Iterable[Device],
    listening: Callable[[int], int | None],
    standing: Mapping[Subject, Open],
    limits: Limits,
) -> Verdict:
    """What begins, ends and is folded now.

    Args:
        now_us: The database's clock.
        devices: In any order.
        listening: Since when somebody listens to a gateway (by key); ``None``: nobody does.
        standing: The alerts that stand.
        limits: Settings.
    """
    groups: dict[Subject, _Group] = {}
    wider: dict[Subject, Subject] = {}
    for institution, gateway, instrument, until_us in devices:
        middle: Subject = (Kind.GATEWAY, gateway)
        own: Subject = (Kind.INSTRUMENT, instrument)
        subjects: tuple[Subject, ...] = ((Kind.INSTITUTION, institution), middle)
        # Most are heard, and nothing is to be said of them: a nation's would fill the memory.
        if until_us <= now_us or own in standing:
            subjects = (*subjects, own)
            wider[own] = middle
        listened_us = listening(gateway)
        for subject in subjects:
            group = groups.get(subject)
            if group is None:
                group = groups[subject] = _Group(institution)
            # A gateway may serve several institutions; its silence is told to one of them.
            group.institution = min(group.institution, institution)
            group.add(until_us, listened_us)
    for subject, group in groups.items():
        if subject[0] is Kind.GATEWAY:
            wider[subject] = (Kind.INSTITUTION, group.institution)
    verdict = Verdict()
    covering: set[Subject] = set()
    for kind in Kind:
        for subject in sorted(
            {one for one in (*groups, *standing) if one[0] is kind}, key=lambda one: one[1]
        ):
            # What is covered covers as well, so that one step up is enough.
            covered = wider.get(subject) in covering
            if covered:
                covering.add(subject)
                if subject in standing:
                    verdict.fold.append(subject)
            elif _one(verdict, subject, groups.get(subject), now_us, standing, limits):
                covering.add(subject)
    return verdict


def _one(
    verdict: Verdict,
    subject: Subject,
    group: _Group | None,
    now_us: int,
    standing: Mapping[Subject, Open],
    limits: Limits,
) -> bool:
    """Judges one subject; whether an alert of it stands now."""
    kind, key = subject
    mine = standing.get(subject)
    if mine is None:
        if group is None or not group.is_silent(now_us, limits.after_us[kind]):
            return False
        if now_us - group.until_us > limits.newer_us:
            return False
        verdict.begin.append(
            Silence(
                kind=kind,
                key=key,
                institution=group.institution,
                since_us=group.until_us,
                instruments=group.instruments,
            )
        )
        return True
    if group is None:
        verdict.gone.append(subject)
        return False
    if group.until_us <= now_us:
        if mine.heard_since_us is not None:
            verdict.heard[subject] = None
        return True
    if mine.heard_since_us is None:
        verdict.heard[subject] = now_us
        return True
    if now_us - mine.heard_since_us < limits.steady_us:
        return True
    verdict.end.append(subject)
    return False


def listening_since(
    records: Sequence[tuple[Iterable[str] | None, int]], gateway_id: str
) -> int | None:
    """Since when somebody listens to a gateway, by the collectors' open records.

    Args:
        records: For whom (``None``: all) and since when (µs).
        gateway_id: Whose.
    """
    starts = [start for names, start in records if names is None or gateway_id in names]
    return min(starts, default=None)
