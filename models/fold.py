"""From accepted heartbeats to pieces of segments (rules 1, 2, 9, 11, 12).

``Track`` is where an instrument's fold stands after its newest row; ``advance`` takes one more
row, which must be newer. Late rows are folded again from where they touch: see
``ingest/write/refold.py``. What the pieces mean for a window is ``usage.py``'s.

The fold is the hot path of ingest: one call a heartbeat, so ``Track`` is mutable and slotted.
"""

from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from models.segment import HOUR_US, Piece, State

#: Rule 1: hold where neither instrument nor heartbeat says how often it reports.
DEFAULT_HOLD_US = 180_000_000
#: Rule 1: the longest hold that an interval can ask for; ``hold_s`` may say more.
LONGEST_DERIVED_HOLD_US = 900_000_000
#: Rule 12: what a counter may gain beyond the wall time, at least (µs).
COUNTER_SLACK_US = 2_000_000

_RUNNING = State.RUNNING
#: Of ``silence_until_us``: a row without a state has ended the known stretch, whose credit ends.
BROKEN = -1


def hold_us(
    *, own_us: int | None, reported_interval_us: int | None, interval_us: int | None
) -> int:
    """How long a heartbeat's state lasts unless the next one comes (rule 1).

    Args:
        own_us: The instrument's ``hold_s`` in the version in force (µs).
        reported_interval_us: The heartbeat's own ``interval_s`` (µs).
        interval_us: The instrument's ``interval_s`` in the version in force (µs).

    Returns:
        Microseconds, positive.
    """
    if own_us is not None:
        return own_us
    interval = interval_us if reported_interval_us is None else reported_interval_us
    if interval is None:
        return DEFAULT_HOLD_US
    return min(3 * interval, LONGEST_DERIVED_HOLD_US)


class PowerRule(NamedTuple):
    """What makes a sample's power a state; ``power_rule.py`` judges by it.

    Watts, ``off_below_w <= run_until_w <= run_from_w``; microseconds.
    """

    off_below_w: float
    run_from_w: float
    run_until_w: float
    dwell_start_us: int
    dwell_stop_us: int
    #: How long a sample holds while its device says that it is online; None: its hold.
    silence_us: int | None = None

    @property
    def longest_dwell_us(self) -> int:
        """How long a run may have to last before it counts."""
        return max(self.dwell_start_us, self.dwell_stop_us)


# A Struct, and not frozen, for speed: ingest's arrivals are rows that know where they came from.
class Row(msgspec.Struct, kw_only=True, gc=False):
    """An accepted heartbeat as the fold sees it: its settings resolved, its time corrected."""

    #: Corrected time (rule 8); what figures use.
    at_us: int
    #: The device's own time; the key.
    ts_us: int
    #: Of a sample, what it counts as; None: it credits nothing, and neither do its readings count.
    state: State | None
    #: How long its state lasts; where it has none, how long it is a sign of life.
    hold_us: int
    seq: int | None = None
    boot_id: str | None = None
    #: The hour meter in microseconds.
    runtime_us: int | None = None
    power_w: float | None = None
    live: bool = True
    #: Whether it stated no state, and the rule in force that gives it one.
    sample: bool = False
    rule: PowerRule | None = None
    #: The device's own word: it is there, or it is not. None: a heartbeat or a sample.
    available: bool | None = None
    #: What the judge of samples knew after it, as bits of its flags.
    mark: int = 0


@dataclass(slots=True)
class Track:
    """Where an instrument's fold stands; the columns of ``instrument_status``.

    All times are corrected microseconds but ``newest_ts_us``; ``None`` before the first row.
    """

    first_at_us: int | None = None
    #: The newest row, repeats included: what rule 9 compares the next one with.
    newest_ts_us: int | None = None
    newest_at_us: int | None = None
    newest_seq: int | None = None
    newest_boot_id: str | None = None
    newest_stale: bool = False
    #: The newest row that counts: what it credits, from when and until when at the latest.
    credit_from_us: int | None = None
    credit_until_us: int | None = None
    state: State | None = None
    #: The open segment's start, and the start of its piece in the present hour.
    segment_from_us: int | None = None
    piece_from_us: int | None = None
    piece_step_us: int = 0
    piece_counter_us: int = 0
    piece_counter_readings: int = 0
    piece_witness_counter_us: int = 0
    piece_witness_state_us: int = 0
    #: Rule 12: the last reading of ``runtime_s``, and what the states said since.
    reading_at_us: int | None = None
    reading_us: int | None = None
    reading_running_us: int = 0
    reading_gap: bool = False
    #: The newest live heartbeat that counts (rule 10).
    live_at_us: int | None = None
    live_until_us: int | None = None
    power_w: float | None = None
    #: How far the device's word that it is online may extend the credit; 0: no further; BROKEN.
    silence_until_us: int = 0
    #: Where the judge of samples stands (``power_rule.py``); it moves these, ``advance`` does not.
    #: Whether a sample or a word on availability was ever taken: else there is nothing to judge.
    judged: bool = False
    #: The device's word in force says that it is online.
    online: bool = False
    #: The last sample's level, a ``State``'s number; -1: none.
    level: int = -1
    #: The newest run while it has not lasted: the device's time of its first sample, and when it
    #: will have; 0: there is none.
    run_ts_us: int = 0
    run_until_us: int = 0


#: The fields that the judge moves.
JUDGES_FIELDS = ("judged", "online", "level", "run_ts_us", "run_until_us")


def repeats(track: Track, seq: int | None, boot_id: str | None) -> bool:
    """Whether a row with this ``seq`` would be a stale repeat of the newest row (rule 9)."""
    return seq is not None and seq == track.newest_seq and boot_id == track.newest_boot_id


def advance(track: Track, row: Row, closed: list[Piece]) -> bool:
    """Takes the next row in time.

    Args:
        track: Changed in place.
        row: Not older than the track's newest row.
        closed: Pieces that the row closes are appended, sorted and disjoint.

    Returns:
        Whether the row is a stale repeat, which counts for nothing (rule 9).
    """
    at = row.at_us
    track.newest_ts_us = row.ts_us
    track.newest_at_us = at
    seq, boot_id = row.seq, row.boot_id
    # As ``repeats`` has it; spelled out, since every heartbeat comes by.
    if seq is not None and seq == track.newest_seq and boot_id == track.newest_boot_id:
        track.newest_stale = True
        return True
    track.newest_seq = seq
    track.newest_boot_id = boot_id
    track.newest_stale = False

    state = row.state
    if state is None:
        _hear(track, row)
        return False
    credit_from = track.credit_from_us
    if credit_from is None:
        if track.first_at_us is None:
            track.first_at_us = at
        track.segment_from_us = track.piece_from_us = at
    else:
        _close_step(track, at, credit_from, state, closed)

    if row.runtime_us is not None:
        _read_counter(track, at, row.runtime_us)
    until = at + row.hold_us
    track.credit_from_us = at
    track.credit_until_us = until
    track.state = state
    track.power_w = row.power_w
    if row.live:
        track.live_at_us = at
        track.live_until_us = until
    rule = row.rule
    track.silence_until_us = 0 if rule is None else at + (rule.silence_us or 0)
    return False


def _hear(track: Track, row: Row) -> None:
    """Takes a row without a state: it may end or extend the credit, and is a sign of life."""
    at = row.at_us
    if track.first_at_us is None:
        track.first_at_us = at
    credit_until = track.credit_until_us
    holds = credit_until is not None and at <= credit_until
    if holds and row.available:
        # Silence is no absence while the device says that it is there.
        assert credit_until is not None
        track.credit_until_us = credit_until = max(credit_until, track.silence_until_us)
    elif holds:
        track.credit_until_us = at
        track.silence_until_us = BROKEN
    if row.available is False:
        if track.live_until_us is not None:
            track.live_until_us = min(track.live_until_us, at)
        return
    if row.available is None:
        track.power_w = row.power_w
    if row.live:
        until = at + row.hold_us
        if row.available and holds:
            assert credit_until is not None
            until = max(until, credit_until)
        track.live_at_us, track.live_until_us = at, until


def _close_step(track: Track, at: int, credit_from: int, state: State, closed: list[Piece]) -> None:
    """Ends the open credit at the next row's time or its hold, whichever comes first."""
    credit_until = track.credit_until_us
    piece_from = track.piece_from_us
    old_state = track.state
    assert credit_until is not None
    assert piece_from is not None
    assert old_state is not None
    step_end = at if at < credit_until else credit_until
    step = step_end - credit_from
    if old_state is _RUNNING:
        track.reading_running_us += step
    # The step overlaps every piece that is cut off here, and so counts in each of them whole.
    hour_end = piece_from - piece_from % HOUR_US + HOUR_US
    while step_end >= hour_end:
        _cut_piece(track, hour_end, step, closed)
        hour_end += HOUR_US
    if at > credit_until or state is not old_state:
        if at > credit_until:
            track.reading_gap = True
        if step_end > track.piece_from_us:  # type: ignore[operator]
            _cut_piece(track, step_end, step, closed)
        track.segment_from_us = track.piece_from_us = at
        track.piece_step_us = 0
    elif step_end > track.piece_from_us and step > track.piece_step_us:  # type: ignore[operator]
        track.piece_step_us = step


def _cut_piece(track: Track, end: int, step: int, closed: list[Piece]) -> None:
    assert track.piece_from_us is not None
    assert track.state is not None
    closed.append(
        Piece(
            start_us=track.piece_from_us,
            end_us=end,
            state=track.state,
            step_us=max(step, track.piece_step_us),
            counter_us=track.piece_counter_us,
            counter_readings=track.piece_counter_readings,
            witness_counter_us=track.piece_witness_counter_us,
            witness_state_us=track.piece_witness_state_us,
        )
    )
    track.piece_from_us = end
    track.piece_step_us = 0
    track.piece_counter_us = 0
    track.piece_counter_readings = 0
    track.piece_witness_counter_us = 0
    track.piece_witness_state_us = 0


def counter_step_us(before_us: int, now_us: int, wall_us: int) -> int:
    """What one step of the hour meter counts (rule 12).

    Args:
        before_us: The earlier reading (µs).
        now_us: The later reading; a smaller one is a reset, which adds the new value.
        wall_us: The time between the two.

    Returns:
        The increase, at most the wall time plus the greater of 2 s and 1 %.
    """
    increase = now_us - before_us if now_us >= before_us else now_us
    return min(increase, wall_us + max(COUNTER_SLACK_US, wall_us // 100))


def _read_counter(track: Track, at: int, runtime_us: int) -> None:
    if track.reading_at_us is not None:
        before_us = track.reading_us
        assert before_us is not None
        increase = runtime_us - before_us
        wall_us = at - track.reading_at_us
        if not 0 <= increase <= wall_us:  # else it counts whole, as it mostly does
            increase = counter_step_us(before_us, runtime_us, wall_us)
        track.piece_counter_us += increase
        if not track.reading_gap:
            track.piece_witness_counter_us += increase
            track.piece_witness_state_us += track.reading_running_us
    track.piece_counter_readings += 1
    track.reading_at_us = at
    track.reading_us = runtime_us
    track.reading_running_us = 0
    track.reading_gap = False


def open_pieces(track: Track, now_us: int) -> list[Piece]:
    """The open segment as of now, cut at full hours like the closed ones (rules 1, 5).

    Args:
        track: Where the fold stands.
        now_us: Nothing from here on is credited yet.

    Returns:
        Pieces up to ``min(now, credit_until)``; none where the open segment lies ahead.
    """
    if track.credit_from_us is None or track.state is None:
        return []
    assert track.piece_from_us is not None
    assert track.credit_until_us is not None
    end = min(now_us, track.credit_until_us)
    step = max(end - track.credit_from_us, 0)
    pieces: list[Piece] = []
    start = track.piece_from_us
    counted = (
        track.piece_counter_us,
        track.piece_counter_readings,
        track.piece_witness_counter_us,
        track.piece_witness_state_us,
    )
    longest = max(step, track.piece_step_us)
    while start < end:
        cut = min(start - start % HOUR_US + HOUR_US, end)
        pieces.append(
            Piece(
                start_us=start,
                end_us=cut,
                state=track.state,
                step_us=longest,
                counter_us=counted[0],
                counter_readings=counted[1],
                witness_counter_us=counted[2],
                witness_state_us=counted[3],
            )
        )
        counted = (0, 0, 0, 0)
        longest = step
        start = cut
    return pieces
