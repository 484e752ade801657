"""Back-tests: how instruments' samples would count by another power rule; nothing is written.

Raw rows come as arrays, some instruments at a time, and go as soon as they are summed up. How the
same rows count by the rule in force is in the figures (``figures.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.fold import DEFAULT_HOLD_US, LONGEST_DERIVED_HOLD_US, PowerRule
from models.heartbeat import OFFLINE_WORD, ONLINE, ONLINE_WORD, SAMPLE
from models.power_rule import marked_level
from models.power_rule_arrays import Floats, Ints, Said, Spent, judge_all, spend
from models.usage import Window
from store.figures.subject import Subject
from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("backtest")
_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US
_EPOCH_2000_US = 946_684_800 * _SECOND_US
#: How long before the window the proposed rule holds: no hold and no silence is longer.
LEAD_US = _DAY_US
#: No dwell is longer (models/registry_forms.py).
_LONGEST_DWELL_US = 3_600 * _SECOND_US
#: How far back the row is looked for that stands before all that is judged.
_LOOK_BACK_US = 35 * _DAY_US
#: Rows that are held at once, about: 150 MB.
_ROWS_AT_ONCE = 4_000_000
#: An instrument's interval where it names none, for that alone.
_USUAL_INTERVAL_US = 10 * _SECOND_US
# An array is sent with a head of five integers; before each element stands its length.
_HEAD_BYTES = 20
#: Of a mark: the row has an interval of its own.
_NAMES_INTERVAL = 1 << 24
_INTEGERS = np.dtype([("length", ">i4"), ("value", ">i8")])
_FLOATS = np.dtype([("length", ">i4"), ("value", ">f8")])

#: By gateway: from when on which correction holds, µs.
_Corrections: TypeAlias = Mapping[int, tuple[Ints, Ints]]
_Rows: TypeAlias = tuple[Ints, Floats, Floats, Ints]
#: By instrument: its rows, part by part.
_Parts: TypeAlias = dict[int, list[_Rows]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be tried."""

    #: Clipped to now.
    window: Window
    #: In force from ``LEAD_US`` before the window on, in place of all others.
    rule: PowerRule
    now_us: int

    @property
    def rule_from_us(self) -> int:
        """From when on the rule is taken to hold."""
        return self.window.start_us - LEAD_US


def find_keys(ids: Sequence[str], tenant: int | None) -> Steps[dict[str, int]]:
    """Keys of instruments, by their ids; those that are another institution's are left out."""
    rows = yield from Query[tuple[str, int]](
        _SQL["keys"], {"ids": list(ids), "tenant": tenant}, binary=True
    )
    return dict(rows)


def load_oldest() -> Steps[int | None]:
    """No raw row is kept that is older; None: there is none at all."""
    rows = yield from Query[tuple[int | None]](_SQL["oldest_kept"], binary=True)
    return rows[0][0]


def try_rule(subjects: Sequence[Subject], asked: Asked) -> Steps[dict[int, Spent]]:
    """How a window would divide by a proposed rule, by instrument key.

    Args:
        subjects: The instruments; the caller bounds how many.
        asked: Window and rule.
    """
    corrections = yield from _load_corrections()
    # Rows are sought by the device's time; corrected, they may come to lie in the window.
    apart = max((int(abs(by).max()) for _, by in corrections.values()), default=0)
    settled_us = asked.rule_from_us - _LONGEST_DWELL_US - 2 * apart
    # A run may still be shown not to last by what comes after the window.
    until_us = asked.window.end_us + _LONGEST_DWELL_US + apart + _SECOND_US
    found: dict[int, Spent] = {}
    for portion in _portions(subjects, asked.window):
        keys = [subject.key for subject in portion]
        stands, rows = yield from _load_before(keys, settled_us)
        for since_us in range(settled_us, until_us, _DAY_US):
            yield from _load_within(keys, since_us, min(since_us + _DAY_US, until_us), rows)
        for subject in portion:
            key = subject.key
            found[key] = _spent(subject, rows.pop(key), stands[key], asked, corrections)
    return found


def _load_before(keys: list[int], settled_us: int) -> Steps[tuple[dict[int, bool], _Parts]]:
    """The few rows before all that is judged, and whether the first of them stands."""
    settled, oldest = from_us(settled_us), from_us(settled_us - _LOOK_BACK_US)
    found = yield from Query[tuple[Any, ...]](
        _SQL["before"], {"keys": keys, "settled": settled, "oldest": oldest}, binary=True
    )
    return {row[0]: row[1] for row in found}, {row[0]: [_rows(row[2:])] for row in found}


def _load_within(keys: list[int], since_us: int, until_us: int, into: _Parts) -> Steps[None]:
    found = yield from Query[tuple[Any, ...]](
        _SQL["within"],
        {"keys": keys, "since": from_us(since_us), "until": from_us(until_us)},
        binary=True,
        heavy=True,
    )
    for key, *sent in found:
        into[key].append(_rows(sent))


def _portions(subjects: Sequence[Subject], window: Window) -> Iterator[list[Subject]]:
    """Instruments with so few rows that they may be held at once, but one at least."""
    portion: list[Subject] = []
    rows = 0
    for subject in subjects:
        interval = subject.version_at(window.end_us).interval_us or _USUAL_INTERVAL_US
        more = (window.length_us + LEAD_US) // interval
        if portion and rows + more > _ROWS_AT_ONCE:
            yield portion
            portion, rows = [], 0
        portion.append(subject)
        rows += more
    if portion:
        yield portion


def _load_corrections() -> Steps[_Corrections]:
    rows = yield from Query[tuple[int, int | None, int]](_SQL["corrections"], binary=True)
    found: dict[int, list[tuple[int, int]]] = {}
    for key, since, by in rows:
        # Before the first version, the first.
        found.setdefault(key, []).append((since or 0, by))
    return {
        key: (np.array([since for since, _ in held]), np.array([by for _, by in held]))
        for key, held in found.items()
    }


def _rows(sent: Sequence[bytes | None]) -> _Rows:
    """Times, watts, intervals and marks of some rows, in any order."""
    times, watts, intervals, marks = sent
    mark = _integers(marks)
    interval_s = np.full(len(mark), np.nan)
    interval_s[mark & _NAMES_INTERVAL != 0] = _floats(intervals)
    return _integers(times) + _EPOCH_2000_US, _floats(watts), interval_s, mark


def _spent(
    subject: Subject, parts: list[_Rows], stands: bool, asked: Asked, corrections: _Corrections
) -> Spent:
    ts_us = np.concatenate([part[0] for part in parts])
    watts = np.concatenate([part[1] for part in parts])
    intervals = np.concatenate([part[2] for part in parts])
    mark = np.concatenate([part[3] for part in parts])
    at_us = ts_us + _corrected_by(ts_us, mark >> 32, corrections)
    order = np.lexsort((ts_us, at_us))
    at_us, ts_us, mark = at_us[order], ts_us[order], mark[order]
    watts, intervals = watts[order], intervals[order]
    flags = mark >> 8 & 0xFFFF
    versions = subject.versions
    version = _at(np.array([one.from_us for one in versions]), ts_us)
    rules = [*(one.rule for one in versions), asked.rule]
    said = Said(
        at_us=at_us,
        power_w=watts,
        state=(mark & 0xFF) - 1,
        sample=flags & SAMPLE != 0,
        online_word=flags & ONLINE_WORD != 0,
        offline_word=flags & OFFLINE_WORD != 0,
        online=flags & ONLINE != 0,
        hold_us=_holds(subject, version, intervals),
        rule=np.where(ts_us >= asked.rule_from_us, len(versions), version),
    )
    level = marked_level(int(flags[0])) if stands else None
    return spend(judge_all(said, rules, level, asked.now_us), asked.window)


def _integers(sent: bytes | None) -> Ints:
    """The elements of an array of bigint or timestamptz as PostgreSQL sends it."""
    return _values(sent, _INTEGERS).astype(np.int64)


def _floats(sent: bytes | None) -> Floats:
    return _values(sent, _FLOATS).astype(np.float64)


def _values(sent: bytes | None, of: np.dtype[np.void]) -> NDArray[np.generic]:
    """None where there is no array."""
    return np.frombuffer(sent or b"", of, offset=_HEAD_BYTES if sent else 0)["value"]


def _at(since: Ints, ts_us: Ints) -> Ints:
    """Which of what holds since then is in force; before the first, the first."""
    return np.maximum(np.searchsorted(since, ts_us, side="right") - 1, 0)


def _corrected_by(ts_us: Ints, gateways: Ints, corrections: _Corrections) -> Ints:
    found = np.zeros(len(ts_us), np.int64)
    for key, (since, by) in corrections.items():
        ours = gateways == key
        if ours.any():
            found[ours] = by[_at(since, ts_us[ours])]
    return found


def _holds(subject: Subject, version: Ints, interval_s: Floats) -> Ints:
    """How long each row's state lasts (rule 1)."""
    none = -1
    own = np.array([one.own_hold_us or none for one in subject.versions])[version]
    interval = np.array([one.interval_us or none for one in subject.versions])[version]
    named = ~np.isnan(interval_s)
    interval[named] = np.rint(interval_s[named] * _SECOND_US).astype(np.int64)
    derived = np.where(
        interval == none, DEFAULT_HOLD_US, np.minimum(3 * interval, LONGEST_DERIVED_HOLD_US)
    )
    return np.where(own == none, derived, own)
