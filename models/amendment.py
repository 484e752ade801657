"""How what a closed period keeps differs from what it would record today, and why.

Closed and difference are today's figures, exactly, for each instrument and any sum of them: what
late heartbeats change is not lost, and nothing that was reported is changed.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any

from models.record import Source, Use
from models.usage import Usage

#: Figures that do not add up, or may be missing.
_APART = ("scheduled_us", "running_scheduled_us", "step_us")
_ADDED = tuple(name for name in Usage.__struct_fields__ if name not in _APART)
_CAUSES = tuple(name for name in _ADDED if name.startswith("unknown_"))
_REGISTRY = ("acquired_on", "retired_on", "institution_id")
_RULE = ("power_rule",)
_TOLD_APART = (*_REGISTRY, "versions", "maintenance")


class Change(StrEnum):
    """What became of a record, or of an instrument."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Reason(StrEnum):
    """Why today's differs."""

    LATE_HEARTBEATS = "late_heartbeats"
    POWER_RULE = "power_rule"
    SETTING = "setting"  #: another one that figures are made by: hold, gap, opening hours
    REGISTRY = "registry"  #: another institution, acquired or retired on another day
    MAINTENANCE = "maintenance"
    CALENDAR = "calendar"
    CONNECTIVITY = "connectivity"  #: who was off or not heard is known better
    SELF_REPORT = "self_report"
    ANNOTATION = "annotation"


def difference(then: Usage | None, now: Usage | None) -> Usage:
    """What is to be added to closed figures to make them today's; may be negative.

    ``step_us``, which does not add up, is 0; what neither has is None.
    """
    before, after = then or Usage(), now or Usage()
    return Usage(
        **{name: getattr(after, name) - getattr(before, name) for name in _ADDED},
        scheduled_us=_missing(before.scheduled_us, after.scheduled_us),
        running_scheduled_us=_missing(before.running_scheduled_us, after.running_scheduled_us),
    )


def _missing(before: int | None, after: int | None) -> int | None:
    return None if before is None and after is None else (after or 0) - (before or 0)


def pair(then: Sequence[Use], now: Sequence[Use]) -> list[tuple[int | None, int | None]]:
    """Records that differ: places of each in ``then`` and in ``now``, in order of time.

    Those that say the same are left out. Of the others, one that overlaps another is that one
    changed; each is at most once.

    Args:
        then: By start.
        now: By start.
    """
    alike: dict[tuple[int, int], list[int]] = defaultdict(list)
    for at, use in enumerate(now):
        alike[use.start_us, use.end_us].append(at)
    left: list[int] = []
    for at, use in enumerate(then):
        same = alike[use.start_us, use.end_us]
        found = next((other for other in same if now[other] == use), None)
        if found is None:
            left.append(at)
        else:
            same.remove(found)
    fresh = sorted(at for some in alike.values() for at in some)
    pairs: list[tuple[int | None, int | None]] = []
    place = 0
    for at in left:
        while place < len(fresh) and now[fresh[place]].end_us <= then[at].start_us:
            pairs.append((None, fresh[place]))
            place += 1
        if place < len(fresh) and now[fresh[place]].start_us < then[at].end_us:
            pairs.append((at, fresh[place]))
            place += 1
        else:
            pairs.append((at, None))
    return [*pairs, *((None, at) for at in fresh[place:])]


def change_of(then: object | None, now: object | None) -> Change:
    """What became of something that was there, is there, or both."""
    if then is None:
        return Change.ADDED
    return Change.REMOVED if now is None else Change.CHANGED


def settings_reasons(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Reason]:
    """What differs of what figures were made by.

    Args:
        then: As a closed period keeps them (``store/sql/periods.sql: registry``).
        now: As they are.
    """
    found: list[Reason] = []
    if _history(then, _RULE) != _history(now, _RULE):
        found.append(Reason.POWER_RULE)
    if _rest(then) != _rest(now):
        found.append(Reason.SETTING)
    if [then.get(name) for name in _REGISTRY] != [now.get(name) for name in _REGISTRY]:
        found.append(Reason.REGISTRY)
    if (then.get("maintenance") or []) != (now.get("maintenance") or []):
        found.append(Reason.MAINTENANCE)
    return found


def _history(settings: Mapping[str, Any], names: Collection[str]) -> list[tuple[Any, list[Any]]]:
    """From when on some settings were what: a version that changes none of them is none here."""
    found: list[tuple[Any, list[Any]]] = []
    for version in settings.get("versions") or ():
        values = [version.get(name) for name in sorted(names)]
        if not found or found[-1][1] != values:
            found.append((version["from_us"], values))
    return found


def _rest(settings: Mapping[str, Any]) -> tuple[Any, ...]:
    """What is neither a rule nor the registry nor maintenance."""
    names = {name for version in settings.get("versions") or () for name in version}
    own = {name: one for name, one in settings.items() if name not in _TOLD_APART}
    return own, _history(settings, names - {"from_us", "institution", *_RULE})


def figures_reason(changed: Usage) -> Reason | None:
    """What a difference comes from that no setting explains; None where nothing differs."""
    names = [name for name in (*_ADDED, *_APART[:2]) if getattr(changed, name)]
    if not names:
        return None
    if set(names) <= set(_CAUSES):
        return Reason.CONNECTIVITY
    if set(names) <= set(_APART):
        return Reason.CALENDAR
    return Reason.LATE_HEARTBEATS


def record_reasons(then: Use | None, now: Use | None) -> set[Reason]:
    """What a record's difference says of itself: what people said, and not what was measured."""
    found: set[Reason] = set()
    if Source.MANUAL in {one.source for one in (then, now) if one is not None}:
        found.add(Reason.SELF_REPORT)
    if then is not None and now is not None and then[:4] == now[:4]:
        found.add(Reason.ANNOTATION)
    return found
