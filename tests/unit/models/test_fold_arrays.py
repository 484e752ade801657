"""Folds that go on together, held to ``advance``: the same tracks and the same pieces."""

import random
from collections import defaultdict

import numpy as np
import pytest

from models.fold import Row, Track, advance
from models.fold_arrays import PlainRows, advance_all
from models.segment import Piece, State
from models.track_arrays import NONE, TrackArrays

SECOND = 1_000_000
BASE = 1_700_000_000 * SECOND


def next_row(rnd: random.Random, track: Track, meter: list[float]) -> Row:
    """A plain row: newer than the track's newest, and no repeat of it."""
    at = (track.newest_ts_us or BASE + rnd.randrange(7_200) * SECOND) + rnd.choice(
        [1, SECOND, *[10 * SECOND] * 4, 180 * SECOND, 181 * SECOND, 4_000 * SECOND, 90_000 * SECOND]
    )
    meter[0] = rnd.choice([0.0, meter[0] + 10, meter[0] + 9.5, meter[0] + 5_000])
    seq = rnd.choice([None, (track.newest_seq or 0) + 1])
    return Row(
        at_us=at,
        ts_us=at,
        state=rnd.choice([State.OFF, State.IDLE, State.RUNNING, State.RUNNING]),
        hold_us=rnd.choice([SECOND, 180 * SECOND, 7_200 * SECOND, 86_400 * SECOND]),
        seq=seq,
        boot_id=rnd.choice([None, "a", "b"]),
        runtime_us=rnd.choice([None, round(meter[0] * SECOND)]),
        power_w=rnd.choice([None, 0.0, 180.5]),
    )


def columns(rows: list[Row]) -> PlainRows:
    def ints(name: str) -> np.ndarray:
        found = [getattr(row, name) for row in rows]
        return np.array([NONE if value is None else value for value in found], np.int64)

    boots = np.empty(len(rows), np.object_)
    boots[:] = [row.boot_id for row in rows]
    return PlainRows(
        at_us=ints("at_us"),
        state=ints("state"),
        hold_us=ints("hold_us"),
        seq=ints("seq"),
        boot_id=boots,
        runtime_us=ints("runtime_us"),
        power_w=np.array([row.power_w for row in rows], np.float64),
    )


@pytest.mark.parametrize("seed", range(40))
def test_folds_that_go_on_together_are_those_that_go_on_alone(seed: int) -> None:
    rnd = random.Random(seed)
    size = rnd.choice([1, 5, 30])
    tracks = [Track() for _ in range(size)]
    meters = [[0.0] for _ in tracks]
    arrays = TrackArrays.fresh(size)
    for _ in range(8):
        counts = np.array(sorted(rnd.choices(range(1, 9), k=size), reverse=True))
        who = rnd.sample(range(size), size)
        rows: list[Row] = []
        pieces: dict[int, list[Piece]] = defaultdict(list)
        for owner, count in zip(who, counts, strict=True):
            for _ in range(count):
                row = next_row(rnd, tracks[owner], meters[owner])
                assert not advance(tracks[owner], row, pieces[owner])
                rows.append(row)
        some = arrays.at(np.array(who))
        owners, found = advance_all(some, columns(rows), np.cumsum(counts) - counts, counts)
        arrays.put_at(np.array(who), some)
        assert arrays.tracks(np.arange(size)) == tracks
        together: dict[int, list[Piece]] = defaultdict(list)
        for place, *values in zip(owners.tolist(), *(c.tolist() for c in found), strict=True):
            start, end, state, step, counter, readings, witness, running = values
            together[who[place]].append(
                Piece(
                    start_us=start,
                    end_us=end,
                    state=State(state),
                    step_us=step,
                    counter_us=counter,
                    counter_readings=readings,
                    witness_counter_us=witness,
                    witness_state_us=running,
                )
            )
        assert dict(together) == {owner: some for owner, some in pieces.items() if some}


def test_tracks_come_back_as_they_were_put() -> None:
    rnd = random.Random(1)
    tracks = [Track() for _ in range(20)]
    for track in tracks:
        for _ in range(rnd.randrange(5)):
            advance(track, next_row(rnd, track, [0.0]), [])
    tracks[0].judged, tracks[0].level, tracks[0].run_until_us = True, 2, 7
    arrays = TrackArrays.fresh(10)
    arrays.grow(30)
    places = np.array(rnd.sample(range(30), 20))
    arrays.put_tracks(places, tracks)
    assert arrays.tracks(places) == tracks
    rest = np.setdiff1d(np.arange(30), places)
    assert arrays.tracks(rest) == [Track()] * 10
