"""Readings of the hour meter where a window cuts a piece (rule 12).

A piece carries its counters as sums; a window that begins or ends within it needs the single
steps, and only the raw rows have them. Where those are gone, or too many pieces are cut at
once, all that a piece counted counts at its start: that still adds up over any split.
"""

from collections import defaultdict
from collections.abc import Sequence

from models.fold import Row, Track, advance, hold_us
from models.segment import Segment, State
from models.usage import Reading
from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("heartbeats")
STALE = 2  # bit of heartbeat.flags
# Whoever asks for a city's last 24 hours must not read an hour of its raw rows.
_MOST_PIECES = 500


def load_readings(cut: Sequence[tuple[int, Segment]]) -> Steps[dict[int, list[Reading]]]:
    """Readings of the pieces that windows cut.

    Args:
        cut: Instrument keys and pieces with readings in them.

    Returns:
        By instrument key, all readings of its pieces; in no order.
    """
    found: dict[int, list[Reading]] = defaultdict(list)
    if not cut:
        return found
    rows: dict[int, list[Row]] = defaultdict(list)
    if len(cut) <= _MOST_PIECES:
        raw = yield Query(
            _SQL["around_pieces"],
            {
                "keys": [key for key, _ in cut],
                "starts": [from_us(piece.start_us) for _, piece in cut],
                "ends": [from_us(piece.end_us) for _, piece in cut],
            },
            binary=True,
            heavy=len(cut) > 1,
        )
        for n, ts, flags, state, seq, boot, power, runtime, interval, shift, own, every in raw:
            if not flags & STALE:
                rows[n - 1].append(
                    Row(
                        at_us=ts + shift,
                        ts_us=ts,
                        state=State(state),
                        hold_us=hold_us(
                            own_us=own,
                            reported_interval_us=None
                            if interval is None
                            else round(interval * 1e6),
                            interval_us=every,
                        ),
                        seq=seq,
                        boot_id=boot,
                        runtime_us=None if runtime is None else round(runtime * 1e6),
                        power_w=power,
                    )
                )
    for n, (key, piece) in enumerate(cut):
        readings = [
            reading
            for reading in read_steps(rows[n])
            if piece.start_us <= reading.at_us < piece.end_us
        ]
        found[key] += readings if _agree(readings, piece) else _at_start(piece)
    return found


def read_steps(rows: Sequence[Row]) -> list[Reading]:
    """The steps of the hour meter over rows that count; the first reading closes none."""
    track = Track()
    found: list[Reading] = []
    for row in sorted(rows, key=lambda row: (row.at_us, row.ts_us)):
        # The fold sums up by piece: emptied before each row, the sums are that row's alone.
        track.piece_counter_us = track.piece_counter_readings = 0
        track.piece_witness_counter_us = track.piece_witness_state_us = 0
        # What repeats has been left out, and a late row's seq may stand twice all the same.
        track.newest_seq = None
        advance(track, row, [])
        if track.piece_counter_readings:
            known = bool(track.piece_witness_counter_us or track.piece_witness_state_us)
            found.append(
                Reading(row.at_us, track.piece_counter_us, known, track.piece_witness_state_us)
            )
    return found


def _agree(readings: Sequence[Reading], piece: Segment) -> bool:
    """Whether the raw rows are all still there."""
    return (
        len(readings) == piece.counter_readings
        and sum(reading.increase_us for reading in readings) == piece.counter_us
        and sum(r.running_us for r in readings if r.known) == piece.witness_state_us
    )


def _at_start(piece: Segment) -> list[Reading]:
    at_us = piece.start_us
    unwitnessed_us = piece.counter_us - piece.witness_counter_us
    found = [Reading(at_us, piece.witness_counter_us, True, piece.witness_state_us)]
    if piece.counter_readings > 1:
        found.append(Reading(at_us, unwitnessed_us, False, 0))
    elif unwitnessed_us:
        # One reading that no known time witnesses.
        found = [Reading(at_us, piece.counter_us, False, 0)]
    found += [Reading(at_us, 0, False, 0)] * (piece.counter_readings - len(found))
    return found
