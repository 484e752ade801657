"""The core from heartbeats to figures, with the oracle at its side.

``compare`` folds a case both ways and checks the timelines; ``Core.agree`` then checks every
figure of a window, ``Core.adds_up`` those of windows that touch.
"""

import dataclasses
from itertools import pairwise

from msgspec.structs import replace

from models.fold import Row, hold_us, open_pieces
from models.piece_parts import part_piece
from models.segment import Piece, State, join
from models.usage import Usage, Window, measure
from tests import oracle
from tests.folding import fold
from tests.strategies import SECOND

HOUR = 3_600 * SECOND
GAP_S, MIN_S = 300, 60


def rows_of(timeline: oracle.Timeline, versions: list[dict]) -> list[Row]:
    """The accepted heartbeats, repeats included, as the fold takes them."""
    rows = [
        Row(
            at_us=oracle.corrected(heartbeat, versions),
            ts_us=heartbeat["ts"],
            state=State[heartbeat["state"].upper()],
            hold_us=hold_us(
                own_us=_us(oracle.setting(versions, heartbeat["ts"], "hold_s")),
                reported_interval_us=_us(heartbeat.get("interval_s")),
                interval_us=_us(oracle.setting(versions, heartbeat["ts"], "interval_s")),
            ),
            seq=heartbeat.get("seq"),
            boot_id=heartbeat.get("boot_id"),
            runtime_us=_us(heartbeat.get("runtime_s")),
            power_w=heartbeat.get("power_w"),
        )
        for heartbeat in timeline.accepted
    ]
    return sorted(rows, key=lambda row: (row.at_us, row.ts_us))


def _us(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * SECOND)


class Core:
    """The same questions that the oracle answers, put to the core."""

    def __init__(self, timeline: oracle.Timeline, versions: list[dict]) -> None:
        self.timeline = timeline
        rows = rows_of(timeline, versions)
        counting = {row["ts"] for row in timeline.rows}
        self.rows = [row for row in rows if row.ts_us in counting]
        self.track, closed = fold(rows)
        self.pieces = closed + open_pieces(self.track, timeline.now)

    def _parted(self, window: Window) -> list[Piece]:
        """The pieces, those that the window cuts parted by their readings."""
        found: list[Piece] = []
        for piece in self.pieces:
            edges = sorted(
                {
                    at
                    for at in (window.start_us, window.end_us)
                    if piece.start_us < at < piece.end_us
                }
            )
            within = [
                (row.at_us, row.runtime_us)
                for row in self.rows
                if row.runtime_us is not None and piece.start_us <= row.at_us < piece.end_us
            ]
            times, readings = [at for at, _ in within], [reading for _, reading in within]
            found += part_piece(piece, edges, times, readings) if edges else [piece]
        return found

    def measure(self, start: int, end: int) -> Usage:
        timeline = self.timeline
        window = Window(start_us=start, end_us=end).clip(timeline.now)
        around = window.around(timeline.gap + timeline.minimum)
        return measure(
            # No more of the timeline than the contract of measure asks for.
            [
                # Nothing of what lies ahead of now is so yet.
                dataclasses.replace(p, end_us=min(p.end_us, timeline.now))
                for p in self._parted(window)
                if p.start_us < min(around.end_us, timeline.now) and around.start_us < p.end_us
            ],
            window,
            first_us=self.track.first_at_us,
            collector_gaps=timeline.collector_gaps,
            gateway_gaps=timeline.gateway_gaps,
            schedule=timeline.schedule,
            session_gap_us=timeline.gap,
            session_min_us=timeline.minimum,
            rated_us=0,
        )

    def counters_are_settled(self) -> bool:
        """Not while a heartbeat lies ahead of now: its piece has counted it already."""
        newest = self.track.credit_from_us
        return newest is None or newest < self.timeline.now

    def adds_up(self, edges: list[int]) -> None:
        """Rule 4: windows that touch sum to the whole, every figure of them."""
        parts = [self.agree(a, b) for a, b in pairwise(edges)]
        total, summed = self.agree(edges[0], edges[-1]), sum(parts[1:], parts[0])
        if not self.counters_are_settled():
            total, summed = (
                replace(
                    usage,
                    counter_us=0,
                    counter_readings=0,
                    witness_counter_us=0,
                    witness_state_us=0,
                )
                for usage in (total, summed)
            )
        assert summed == total

    def agree(self, start: int, end: int) -> Usage:
        """Compares every figure of a window, to the microsecond."""
        usage = self.measure(start, end)
        found = self.timeline.figures(start, end)
        assert (usage.running_us, usage.idle_us, usage.off_us) == (
            found["running"],
            found["idle"],
            found["off"],
        )
        assert usage.window_us == found["window"]
        assert (
            usage.unknown_before_first_us,
            usage.unknown_collector_us,
            usage.unknown_gateway_us,
            usage.unknown_device_us,
        ) == (found["before_first"], found["collector"], found["gateway"], found["device"])
        assert usage.scheduled_us == found["scheduled"]
        assert usage.running_scheduled_us == found["running_scheduled"]
        assert usage.effective_us == found["effective"]
        assert usage.session_idle_us == found["session_idle"]
        if self.counters_are_settled():
            assert usage.counter_readings == found["readings"]
            assert usage.counter_us == found["counter"]
            assert usage.witness_counter_us == found["witness_counter"]
            assert usage.witness_state_us == found["witness_state"]
            assert usage.step_us == found["resolution"]
        return usage


def compare(beats: list[dict], versions: list[dict], now: int, **circumstances: object) -> Core:
    timeline = oracle.Timeline(
        beats, now=now, versions=versions, session_gap_s=GAP_S, session_min_s=MIN_S, **circumstances
    )
    core = Core(timeline, versions)
    whole = [
        (p.start_us, min(p.end_us, now), p.state.word)
        for p in join(core.pieces)
        if p.start_us < now
    ]
    assert whole == timeline.segments
    assert core.track.first_at_us == timeline.first
    for piece in core.pieces:
        assert piece.start_us // HOUR == (piece.end_us - 1) // HOUR, "cut at every full hour"
    return core
