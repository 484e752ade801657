"""What each of many instruments was used in one window, and how much of it nobody knows.

As everywhere in this package both ways give the same: all at once where that can be, else one by
one (``layout.py`` says which).
"""

import numpy as np

from models.group_arrays import NAMES, Ints
from models.usage import Window
from store.figures.costs import at_once_s, one_by_one_s
from store.figures.figures import usages
from store.figures.layout import Layout, lay_out
from store.figures.rows import RowsReader
from store.figures.seen import first_heard, seen_before
from store.figures.subject import load_subjects
from store.figures.surroundings import Moment
from store.present.roster import Roster
from store.run import Steps

_EFFECTIVE = NAMES.index("effective_us")
_KNOWN = [NAMES.index(name) for name in ("running_us", "idle_us", "off_us")]
#: Instruments whose totals are in memory at once, and whose settings are.
_AT_ONCE, _ONE_BY_ONE = 65_536, 1_000


def _layout(instruments: int, window: Window, moment: Moment) -> Layout:
    # Nothing is ranked here: any threshold that arrays can take will do.
    return lay_out(window, (), 1.0, instruments, moment)


def effective_s(instruments: int, window: Window, moment: Moment) -> float:
    """What `load_effective` costs (s)."""
    layout = _layout(instruments, window, moment)
    if layout.at_once:
        return at_once_s(instruments, 0, (), layout)
    return one_by_one_s(instruments, window, (), moment)


def load_effective(
    roster: Roster, rows: Ints, window: Window, moment: Moment
) -> Steps[tuple[Ints, Ints]]:
    """Running time within sessions, and unknown time, of each instrument (µs).

    Args:
        roster: Of the window's end or later.
        rows: Which of its instruments; ascending.
        window: Clipped to now; days out of service are in it.
        moment: Of the answer.
    """
    effective = np.zeros(len(rows), np.int64)
    # Who was never heard is all unknown.
    unknown = np.full(len(rows), window.length_us, np.int64)
    if not window.length_us:
        return effective, unknown
    at_once = _layout(len(rows), window, moment).at_once
    for at in range(0, len(rows), _AT_ONCE):
        part = slice(at, at + _AT_ONCE)
        ours = rows[part]
        if at_once:
            effective[part], unknown[part], keys = yield from _at_once(roster, ours, window, moment)
        else:
            keys = yield from seen_before(roster.keys[ours], window)
        places = np.searchsorted(roster.keys[ours], keys) + at
        yield from _one_by_one(keys, places, window, moment, (effective, unknown))
    return effective, unknown


def _at_once(
    roster: Roster, rows: Ints, window: Window, moment: Moment
) -> Steps[tuple[Ints, Ints, Ints]]:
    """Both figures, and keys of those that were heard and are left to the other way."""
    keys = roster.keys[rows]
    reader = RowsReader(roster, rows, moment)
    yield from reader.measure([window])
    figures, complete = yield from reader.read(window)
    left, first_us = yield from first_heard(keys[~complete], window)
    if (yield from reader.lead(window, left, first_us)):
        figures, complete = yield from reader.read(window)
        left = left[~np.isin(left, keys[complete])]
    known = figures.columns[:, _KNOWN].sum(axis=1)
    effective = np.where(complete, figures.columns[:, _EFFECTIVE], 0)
    return effective, window.length_us - np.where(complete, known, 0), left


def _one_by_one(
    keys: Ints, places: Ints, window: Window, moment: Moment, into: tuple[Ints, Ints]
) -> Steps[None]:
    effective, unknown = into
    place_of = dict(zip(keys.tolist(), places.tolist(), strict=True))
    for at in range(0, len(keys), _ONE_BY_ONE):
        subjects = yield from load_subjects(keys[at : at + _ONE_BY_ONE].tolist())
        asked = [window]
        found = yield from usages(list(subjects.values()), dict.fromkeys(subjects, asked), moment)
        for key, (usage,) in found.items():
            effective[place_of[key]] = usage.effective_us
            unknown[place_of[key]] = usage.unknown_us
