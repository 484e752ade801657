"""Versions of a registry record: what a write makes of them, and when that differs.

A version is a moment and the record that holds from it on, as a mapping of fields; before the
first version, the first applies. What is written and why is ``registry_plan.py``'s.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

from models.registry_fields import Record

#: ``(valid_from_us, record)``, sorted, no two at one moment.
Versions: TypeAlias = Sequence[tuple[int, Record]]

#: The ends of time, µs: the years 1900 and 2200, between which the registry's moments lie.
BEGIN_US = -2_208_988_800_000_000
END_US = 7_258_118_400_000_000


def replaced(versions: Versions, valid_from_us: int, record: Record) -> Versions:
    """What a PUT makes: ``record`` holds from the moment on, whatever was to come after it."""
    before = [version for version in versions if version[0] < valid_from_us]
    return merged([*before, (valid_from_us, record)])


def patched(versions: Versions, valid_from_us: int, fields: Record) -> Versions:
    """What a PATCH makes: ``fields`` hold from the moment on, in every version of that time.

    Raises:
        ValueError: there is no version to change.
    """
    before = [version for version in versions if version[0] < valid_from_us]
    after = [version for version in versions if version[0] > valid_from_us]
    base = in_force(versions, valid_from_us)
    changed = [(moment, {**record, **fields}) for moment, record in after]
    return merged([*before, (valid_from_us, {**base, **fields}), *changed])


def everywhere(versions: Versions, fields: Record) -> Versions:
    """``fields`` in every version: for what holds for all time whenever it is said."""
    return merged([(moment, {**record, **fields}) for moment, record in versions])


def merged(versions: Versions) -> Versions:
    """The same without versions that repeat the one before."""
    kept: list[tuple[int, Record]] = []
    for version in versions:
        if not kept or kept[-1][1] != version[1]:
            kept.append(version)
    return kept


def in_force(versions: Versions, at_us: int) -> Record:
    """The record that applies at a moment.

    Raises:
        ValueError: there are no versions.
    """
    if not versions:
        raise ValueError("versions must not be empty: a record has at least one")
    found = versions[0][1]
    for moment, record in versions:
        if moment > at_us:
            break
        found = record
    return found


def differences(old: Versions, new: Versions) -> list[tuple[int, int, frozenset[str]]]:
    """When two histories differ, and in which fields.

    Args:
        old: Versions before a write; not empty.
        new: Versions after it; not empty.

    Returns:
        Half-open ranges, sorted, disjoint, each with the fields that differ within it.
    """
    cuts = sorted(
        {BEGIN_US, END_US} | {moment for versions in (old, new) for moment, _ in versions[1:]}
    )
    found = []
    for start, end in pairwise(cuts):
        before, after = in_force(old, start), in_force(new, start)
        if before is not after and before != after:
            fields = frozenset(name for name in after if before.get(name) != after[name])
            found.append((start, end, fields))
    return found
