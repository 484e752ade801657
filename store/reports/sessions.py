"""Sessions of many instruments, each cut to a window of its own.

One instrument's, told as its timeline has them, are in ``store/figures/timeline.py``.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.confirmed import longest_step_us
from models.fold import open_pieces
from models.group_arrays import Ints
from models.segment import HOUR_US
from models.session_arrays import find_sessions
from models.timestamp import MIN_US
from models.usage import Window
from store.figures.subject import Subject
from store.figures.surroundings import Moment
from store.instant import from_us
from store.packed import EPOCH_2000_US, packed_row
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("periods")
_DAY_US = 86_400_000_000
# More than there are hours in any time that is stored.
_HOURS = 1 << 32
# What one reading of pieces holds in memory.
_INSTRUMENT_DAYS = 3_000
_PIECE = packed_row(("key", ">i4"), ("state", ">i2"), ("start", ">i8"), ("end", ">i8"))
_HOUR = packed_row(("key", ">i4"), ("hour", ">i8"), ("until", ">i8"))


class Cut(NamedTuple):
    """Sessions of one instrument by start, each only as far as it lies within the window."""

    start_us: Ints
    end_us: Ints
    running_us: Ints


_NONE = np.zeros(0, np.int64)
NO_SESSIONS = Cut(_NONE, _NONE, _NONE)
#: Of each instrument, sessions of all that is known, and of what is confirmed alone.
Both: TypeAlias = tuple[Cut, Cut]


def load_sessions(
    subjects: Sequence[Subject],
    windows: Mapping[int, Window],
    moment: Moment,
    *,
    confirming: bool = False,
) -> Steps[dict[int, Both]]:
    """Sessions by instrument key.

    Args:
        subjects: The caller bounds how many.
        windows: By instrument key; clipped to now.
        moment: Of the answer.
        confirming: Whether those of confirmed time are wanted; else they are none.
    """
    asked = sorted(
        (subject for subject in subjects if windows[subject.key].length_us),
        key=lambda subject: subject.key,
    )
    if not asked:
        return {}
    begin = min(windows[subject.key].start_us for subject in asked)
    finish = max(windows[subject.key].end_us for subject in asked)
    found: dict[int, list[Both]] = {subject.key: [] for subject in asked}
    for part in _slices(Window(start_us=begin, end_us=finish), len(asked)):
        cut = yield from _load_slice(asked, windows, part, moment, confirming)
        for key, sessions in cut.items():
            found[key].append(sessions)
    return {
        key: (_joined([one[0] for one in parts]), _joined([one[1] for one in parts]))
        for key, parts in found.items()
    }


def _slices(window: Window, instruments: int) -> Iterator[Window]:
    length_us = max(1, _INSTRUMENT_DAYS // instruments) * _DAY_US
    for start in range(window.start_us, window.end_us, length_us):
        yield Window(start_us=start, end_us=min(start + length_us, window.end_us))


def _load_slice(
    subjects: Sequence[Subject],
    windows: Mapping[int, Window],
    part: Window,
    moment: Moment,
    confirming: bool,
) -> Steps[dict[int, Both]]:
    reach = part.around(max(subject.margin_us for subject in subjects))
    gaps = np.array([subject.session_gap_us for subject in subjects], np.int64)
    keys = np.array([subject.key for subject in subjects], np.int64)
    stored = yield from _load_pieces(keys, int(gaps.max()), reach)
    opened = [
        (at, piece.start_us, piece.end_us, int(piece.state))
        for at, subject in enumerate(subjects)
        for piece in open_pieces(subject.track, moment.now_us)
        if piece.end_us > reach.start_us and piece.start_us < reach.end_us
    ]
    pieces = np.concatenate([stored, np.array(opened, np.int64).reshape(-1, 4)])
    # A heartbeat that lies ahead of now closes a piece there.
    pieces = pieces[pieces[:, 1] < moment.now_us]
    pieces = pieces[np.lexsort((pieces[:, 1], pieces[:, 0]))]
    inside = [windows[one.key].cut(part.start_us, part.end_us) for one in subjects]

    def sessions(those: Ints) -> list[Cut]:
        found = find_sessions(
            those[:, 0],
            those[:, 1],
            np.minimum(those[:, 2], moment.now_us),
            those[:, 3],
            gap_us=gaps,
            min_us=np.array([subject.session_min_us for subject in subjects], np.int64),
            low_us=np.array([one.start_us for one in inside], np.int64),
            high_us=np.array([one.end_us for one in inside], np.int64),
        )
        ends = np.searchsorted(found.owner, np.arange(len(subjects) + 1))
        return [
            Cut(found.start_us[low:high], found.end_us[low:high], found.running_us[low:high])
            for low, high in pairwise(ends)
        ]

    known = sessions(pieces)
    confirmed = [NO_SESSIONS] * len(known)
    if confirming:
        sure = yield from _load_confirmed(subjects, reach, pieces)
        confirmed = sessions(pieces[sure])
    return {subject.key: (known[at], confirmed[at]) for at, subject in enumerate(subjects)}


def _load_confirmed(
    subjects: Sequence[Subject], reach: Window, pieces: Ints
) -> Steps[NDArray[np.bool_]]:
    """Which of some pieces are confirmed: those that end before the confirmed part of their hour
    does. An open one never is."""
    asked = chain_of(subjects, dict.fromkeys((one.key for one in subjects), reach))
    ((packed,),) = yield from Query[tuple[bytes | None]](
        _SQL["confirmed_hours"], asked, binary=True, heavy=True
    )
    rows = np.frombuffer(packed or b"", _HOUR)
    if not len(rows):
        return np.zeros(len(pieces), np.bool_)
    keys = np.array([subject.key for subject in subjects], np.int64)
    place = np.searchsorted(keys, rows["key"].astype(np.int64))
    hours = (rows["hour"].astype(np.int64) + EPOCH_2000_US) // HOUR_US
    # One number for place and hour, so that one look finds both.
    named = place * _HOURS + hours
    order = np.argsort(named)
    named, until = named[order], rows["until"].astype(np.int64)[order] + EPOCH_2000_US
    wanted = pieces[:, 0] * _HOURS + pieces[:, 1] // HOUR_US
    at = np.minimum(np.searchsorted(named, wanted), len(named) - 1)
    found: NDArray[np.bool_] = (named[at] == wanted) & (pieces[:, 2] <= until[at])
    return found


def chain_of(subjects: Sequence[Subject], windows: Mapping[int, Window]) -> dict[str, Any]:
    """What ``confirmed.sql`` asks for: each version of instruments' settings.

    Args:
        subjects: At least one; the caller bounds how many.
        windows: By instrument key; looked at from the beginning of their first hour on.
    """
    rows = [
        (
            subject.key,
            # Before its first version, the first applies.
            MIN_US if at == 0 else version.from_us,
            version.to_us,
            longest_step_us(own_hold_us=version.own_hold_us, interval_us=version.interval_us),
            windows[subject.key].start_us,
            windows[subject.key].end_us,
        )
        for subject in subjects
        for at, version in enumerate(subject.versions)
    ]
    keys, since, until, longest, lows, highs = zip(*rows, strict=True)
    start = min(lows)
    return {
        "keys": list(keys),
        "since": [from_us(us) for us in since],
        "until": [from_us(us) for us in until],
        "longest": list(longest),
        "lows": [from_us(us) for us in lows],
        "highs": [from_us(us) for us in highs],
        "start": from_us(start - start % HOUR_US),
        "end": from_us(max(highs)),
    }


def _load_pieces(keys: Ints, longest_us: int, reach: Window) -> Steps[Ints]:
    """Running pieces, and idle ones that may join them: place, start, end and state.

    Args:
        keys: Of the instruments, ascending.
        longest_us: Idle pieces that are longer part sessions as well when they are missing.
        reach: What is read.
    """
    ((packed,),) = yield from Query[tuple[bytes | None]](
        _SQL["session_pieces"],
        {
            "keys": keys.tolist(),
            "longest_us": longest_us,
            "start": from_us(reach.start_us),
            "end": from_us(reach.end_us),
        },
        binary=True,
        heavy=True,
    )
    rows = np.frombuffer(packed or b"", _PIECE)
    columns = (
        np.searchsorted(keys, rows["key"].astype(np.int64)),
        rows["start"].astype(np.int64) + EPOCH_2000_US,
        rows["end"].astype(np.int64) + EPOCH_2000_US,
        rows["state"].astype(np.int64),
    )
    return np.column_stack(columns)


def _joined(parts: Sequence[Cut]) -> Cut:
    """Sessions of slices one after the other.

    What ends where the next begins was cut by the slices' edge: two sessions never touch.
    """
    start, end, running = (np.concatenate(one) for one in zip(*parts, strict=True))
    opens = np.r_[True, start[1:] != end[:-1]] if len(start) else np.zeros(0, np.bool_)
    first = np.flatnonzero(opens)
    if len(first) == len(start):
        return Cut(start, end, running)
    last = np.r_[first[1:], len(start)] - 1
    return Cut(start[first], end[last], np.add.reduceat(running, first))
