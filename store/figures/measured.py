"""Figures of many instruments from segments, all at once.

The window that ends now is asked for again and again and has no rollup yet: a city's is half
a million pieces, read packed and measured in arrays (``models/measure_arrays.py``). Whoever
needs more care than that is left to ``pieces.py: measure_windows``, one by one.
"""

from collections.abc import Sequence

import numpy as np

from models.group_arrays import Figures, Flags, Ints
from models.measure_arrays import Pieces, measure_arrays
from models.rated import Rating, rated
from models.segment import HOUR_US
from models.timestamp import MAX_US, MIN_US
from models.usage import Window
from store.arrays import int_array
from store.figures.subject import load_tracks, rated_of, zone_of
from store.figures.surroundings import (
    Moment,
    load_calendar,
    load_offline,
    load_unheard,
    opened_by,
)
from store.instant import from_us
from store.packed import EPOCH_2000_US, packed_row
from store.present.roster import Roster, Settings
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("figures")
#: Instruments whose pieces are in memory at once.
_AT_ONCE = 4_096

_PIECE = packed_row(
    ("key", ">i4"),
    ("state", ">i2"),
    ("start", ">i8"),
    ("end", ">i8"),
    ("step", ">i8"),
    ("counter", ">i8"),
    ("readings", ">i4"),
    ("witness_counter", ">i8"),
    ("witness_state", ">i8"),
)
_COUNTERS = ("counter", "readings", "witness_counter", "witness_state")


def measure_rows(
    roster: Roster, rows: Ints, windows: Sequence[Window], moment: Moment
) -> Steps[list[tuple[Figures, Flags]]]:
    """What windows of some instruments of a roster are made of.

    Args:
        roster: Of the question's end.
        rows: Which instruments; ascending.
        windows: By their start, close together, clipped to now, none empty; they may overlap,
            and the pieces are read once.
        moment: Of the answer.

    Returns:
        For each window figures, and whether they are right: the others want the careful way.
    """
    found = [(Figures.zeros(len(rows)), np.zeros(len(rows), np.bool_)) for _ in windows]
    if not len(rows):
        return found
    keys = roster.keys[rows]
    hull = Window(start_us=windows[0].start_us, end_us=max(one.end_us for one in windows))
    span = {"start": from_us(hull.start_us), "end": from_us(hull.end_us)}
    careful = (roster.since_us[rows] > hull.start_us) | ~roster.newest[rows]
    repaired = yield from Query[tuple[int]](
        _SQL["under_maintenance"], {"keys": int_array(keys.tolist()), **span}, binary=True
    )
    careful |= np.isin(keys, [key for (key,) in repaired])

    gateways = np.unique(roster.gateway_keys[rows]).tolist()
    offline = yield from load_offline(gateways, hull)
    unheard = yield from load_unheard(gateways, hull, moment.now_us, heavy=True)
    common = max(unheard.values(), key=len, default=[])
    common_for = [g for g in gateways if (unheard.get(g) or []) == common]
    calm = np.setdiff1d(common_for, list(offline))
    careful |= ~np.isin(roster.gateway_keys[rows], calm)

    calendar = yield from load_calendar(hull, moment.calendar)
    settings: list[Settings] = list(roster.settings.values)
    schedules = opened_by(settings, hull, calendar)
    ratings = [
        Rating(
            from_us=MIN_US,
            to_us=MAX_US,
            per_year_us=rated_of(one.rated_hours_per_year, one.kind),
            zone=zone_of(one.zone),
        )
        for one in settings
    ]
    accrued = [np.array([rated([one], window) for one in ratings], np.int64) for window in windows]
    for at in range(0, len(rows), _AT_ONCE):
        part = slice(at, at + _AT_ONCE)
        ours = rows[part]
        gap, least = roster.session_gap_us[ours], roster.session_min_us[ours]
        reach = hull.around(int((gap + least).max()))
        first_us, pieces = yield from _load_pieces(roster.keys[ours], reach, moment.now_us)
        codes = roster.settings.codes[ours]
        for window, of_window, (figures, right) in zip(windows, accrued, found, strict=True):
            measured, fits = measure_arrays(
                pieces,
                window,
                first_us=first_us,
                session_gap_us=gap,
                session_min_us=least,
                rated_us=of_window[codes],
                schedules=schedules,
                schedule_of=codes,
                collector_gaps=common,
            )
            figures.columns[part], figures.scheduled[part] = measured.columns, measured.scheduled
            # Who was not heard before a window's end is only counted there: left to the other way.
            right[part] = fits & ~careful[part] & (first_us < window.end_us)
    return found


def _load_pieces(keys: Ints, reach: Window, now_us: int) -> Steps[tuple[Ints, Pieces]]:
    """Times of the first heartbeats, and pieces up to now, the open ones included."""
    tracks = yield from load_tracks(keys.tolist(), heavy=True)
    ((pieces,),) = yield from Query[tuple[bytes | None]](
        _SQL["packed_pieces"],
        {
            "keys": int_array(keys.tolist()),
            "start": from_us(reach.start_us),
            "end": from_us(reach.end_us),
        },
        binary=True,
        heavy=True,
    )
    packed = np.frombuffer(pieces or b"", _PIECE)
    start = packed["start"].astype(np.int64) + EPOCH_2000_US
    # A heartbeat that lies ahead of now closes a piece there.
    over = start < now_us
    packed, start = packed[over], start[over]
    closed = Pieces(
        owner=np.searchsorted(keys, packed["key"].astype(np.int64)),
        start_us=start,
        end_us=np.minimum(packed["end"].astype(np.int64) + EPOCH_2000_US, now_us),
        state=packed["state"].astype(np.int64),
        step_us=packed["step"].astype(np.int64),
        counters=np.column_stack([packed[name].astype(np.int64) for name in _COUNTERS]),
    )
    first_us = np.full(len(keys), MAX_US, np.int64)
    place = {key: n for n, key in enumerate(keys.tolist())}
    heard = {place[row.key]: row.first_at_us for row in tracks if row.first_at_us is not None}
    first_us[list(heard)] = list(heard.values())
    # Columns of `tracks` that an open segment has, all of them or none.
    tracked = [
        (
            place[row.key],
            row.credit_from_us,
            row.credit_until_us,
            row.state,
            row.piece_from_us,
            row.piece_step_us,
            row.piece_counter_us,
            row.piece_counter_readings,
            row.piece_witness_counter_us,
            row.piece_witness_state_us,
        )
        for row in tracks
        if row.credit_from_us is not None and row.state is not None
    ]
    opened = _open_pieces(np.array(tracked, np.int64).reshape(-1, 10), now_us)
    both = (closed, *opened)
    whole = Pieces(**{name: np.concatenate([getattr(p, name) for p in both]) for name in _PARTS})
    return first_us, whole.take(np.lexsort((whole.start_us, whole.owner)))


_PARTS = ("owner", "start_us", "end_us", "state", "step_us", "counters")


def _open_pieces(tracks: Ints, now_us: int) -> list[Pieces]:
    """``models/fold.py: open_pieces`` of many, a list entry for each hour that they reach into.

    Args:
        tracks: Owner, credit from and until, state, piece from, its step and counters.
        now_us: Nothing from here on is credited yet.
    """
    found: list[Pieces] = []
    owner, credit_from, credit_until, state, start = (tracks[:, n] for n in range(5))
    counters = tracks[:, 6:10]
    end = np.minimum(credit_until, now_us)
    step = np.maximum(end - credit_from, 0)
    longest = np.maximum(step, tracks[:, 5])
    while (left := start < end).any():
        owner, state, start, end, step, longest, counters = (
            one[left] for one in (owner, state, start, end, step, longest, counters)
        )
        cut = np.minimum(start - start % HOUR_US + HOUR_US, end)
        found.append(
            Pieces(
                owner=owner,
                start_us=start,
                end_us=cut,
                state=state,
                step_us=longest,
                counters=counters,
            )
        )
        start, longest, counters = cut, step, np.zeros_like(counters)
    return found
