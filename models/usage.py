"""From pieces to figures: how a window divides into states, causes, sessions and the like.

``Usage`` holds additive figures only, under the names of the rollups' columns; the ratios and
the spelling of the contract are in ``ratios.py``, sums over instruments in ``group.py``.
Pieces come from ``segment.py`` and ``fold.py``, opening hours from ``schedule.py``, rated time
from ``rated.py``.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import attrgetter

import msgspec

from models.interval import Interval, clip, intersect, length_us, subtract
from models.segment import Piece, State

_START = attrgetter("start_us")
_END = attrgetter("end_us")
_RUNNING = State.RUNNING
_IDLE = State.IDLE
_NEVER = -(1 << 63)  # µs; before any time that is stored


class Window(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The half-open time ``[start_us, end_us)`` that a figure speaks of; may be empty."""

    start_us: int
    end_us: int

    def __post_init__(self) -> None:
        if self.end_us < self.start_us:
            raise ValueError(
                f"window ends at {self.end_us} µs, before its start at {self.start_us} µs"
            )

    @property
    def length_us(self) -> int:
        """How long the window is, microseconds."""
        return self.end_us - self.start_us

    def clip(self, now_us: int) -> "Window":
        """The part that is over at ``now_us`` (rule 5); a window that lies ahead is empty."""
        if self.end_us <= now_us:
            return self
        return Window(start_us=self.start_us, end_us=max(self.start_us, now_us))

    def cut(self, start_us: int, end_us: int) -> "Window":
        """The part within ``[start_us, end_us)``; empty where the two do not meet."""
        start = max(self.start_us, start_us)
        return Window(start_us=start, end_us=max(start, min(self.end_us, end_us)))

    def around(self, margin_us: int) -> "Window":
        """The window and ``margin_us`` on either side: what ``measure`` needs pieces of."""
        return Window(start_us=self.start_us - margin_us, end_us=self.end_us + margin_us)


class Usage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one window of one instrument, or a sum of such, is made of; all microseconds.

    Every field adds up over neighbouring windows (rule 4) but ``step_us``, of which the
    greater stays.
    """

    running_us: int = 0
    idle_us: int = 0
    off_us: int = 0
    # Unknown time by the first cause that fits (rule 14).
    unknown_before_first_us: int = 0
    unknown_collector_us: int = 0
    unknown_gateway_us: int = 0
    unknown_device_us: int = 0
    #: Open and not under maintenance; None: no opening hours in force.
    scheduled_us: int | None = None
    #: Running time of that; None exactly when ``scheduled_us`` is.
    running_scheduled_us: int | None = None
    #: Running time in sessions, and the idle time that they join.
    effective_us: int = 0
    session_idle_us: int = 0
    rated_us: int = 0
    #: Increase of the device's hour meter, and how many readings it was told by.
    counter_us: int = 0
    counter_readings: int = 0
    #: Of it, steps in known time; and the running time by state over the same steps.
    witness_counter_us: int = 0
    witness_state_us: int = 0
    #: Longest credited step of a piece that overlaps the window.
    step_us: int = 0

    @property
    def unknown_us(self) -> int:
        """Time that no heartbeat credits (rule 2)."""
        return (
            self.unknown_before_first_us
            + self.unknown_collector_us
            + self.unknown_gateway_us
            + self.unknown_device_us
        )

    @property
    def known_us(self) -> int:
        """Time that some heartbeat credits."""
        return self.running_us + self.idle_us + self.off_us

    @property
    def window_us(self) -> int:
        """Known and unknown together: the window's length, exactly (rule 2)."""
        return self.known_us + self.unknown_us

    def __add__(self, other: "Usage") -> "Usage":
        """The figures of two windows that do not overlap, or of two instruments."""
        if self.scheduled_us is None or self.running_scheduled_us is None:
            scheduled, running_scheduled = other.scheduled_us, other.running_scheduled_us
        elif other.scheduled_us is None or other.running_scheduled_us is None:
            scheduled, running_scheduled = self.scheduled_us, self.running_scheduled_us
        else:
            scheduled = self.scheduled_us + other.scheduled_us
            running_scheduled = self.running_scheduled_us + other.running_scheduled_us
        return Usage(
            running_us=self.running_us + other.running_us,
            idle_us=self.idle_us + other.idle_us,
            off_us=self.off_us + other.off_us,
            unknown_before_first_us=self.unknown_before_first_us + other.unknown_before_first_us,
            unknown_collector_us=self.unknown_collector_us + other.unknown_collector_us,
            unknown_gateway_us=self.unknown_gateway_us + other.unknown_gateway_us,
            unknown_device_us=self.unknown_device_us + other.unknown_device_us,
            scheduled_us=scheduled,
            running_scheduled_us=running_scheduled,
            effective_us=self.effective_us + other.effective_us,
            session_idle_us=self.session_idle_us + other.session_idle_us,
            rated_us=self.rated_us + other.rated_us,
            counter_us=self.counter_us + other.counter_us,
            counter_readings=self.counter_readings + other.counter_readings,
            witness_counter_us=self.witness_counter_us + other.witness_counter_us,
            witness_state_us=self.witness_state_us + other.witness_state_us,
            step_us=max(self.step_us, other.step_us),
        )


_ADDED = tuple(
    (name, attrgetter(name))
    for name in Usage.__struct_fields__
    if name not in ("scheduled_us", "running_scheduled_us", "step_us")
)


def add_up(parts: Sequence[Usage]) -> Usage:
    """The sum of neighbouring windows, or of instruments; of none, an empty window's figures."""
    if len(parts) < 2:
        return parts[0] if parts else Usage()
    hours = [part for part in parts if part.scheduled_us is not None]
    return Usage(
        **{name: sum(map(value, parts)) for name, value in _ADDED},
        scheduled_us=sum(part.scheduled_us or 0 for part in hours) if hours else None,
        running_scheduled_us=sum(part.running_scheduled_us or 0 for part in hours)
        if hours
        else None,
        step_us=max(part.step_us for part in parts),
    )


def measure(
    pieces: Sequence[Piece],
    window: Window,
    *,
    first_us: int | None,
    collector_gaps: Sequence[Interval] = (),
    gateway_gaps: Sequence[Interval] = (),
    schedule: Sequence[Interval] | None,
    session_gap_us: int,
    session_min_us: int,
    rated_us: int,
) -> Usage:
    """What ``window`` of one instrument is made of.

    Args:
        pieces: Closed and open, sorted, disjoint. They must reach ``session_gap_us +
            session_min_us`` beyond the window on both sides (``Window.around``): sessions are
            found on the whole timeline, and no more of it than that bears on a window. What a
            cut piece counted counts where it starts: whoever knows the readings within it parts
            it first (``piece_parts.py``). None reaches beyond now: where a heartbeat lies ahead
            of it, its predecessor's piece is cut there.
        window: Already clipped to now.
        first_us: Time of the instrument's first heartbeat; None when it has none.
        collector_gaps: When nobody was listening; sorted, disjoint.
        gateway_gaps: When the gateway was off; sorted, disjoint.
        schedule: Opening hours less maintenance, sorted, disjoint, at least over the window;
            None where no opening hours are in force.
        session_gap_us: Longest idle time that a session joins.
        session_min_us: Shortest span of a session.
        rated_us: Rated time of the window (``rated.py``).

    Returns:
        Figures whose states and causes sum to the window's length.

    Raises:
        ValueError: ``pieces`` overlap or are unsorted.
    """
    begin, finish = window.start_us, window.end_us
    margin = session_gap_us + session_min_us
    low = bisect_right(pieces, begin - margin, key=_END)
    high = bisect_left(pieces, finish + margin, low, key=_START)

    running = idle = off = effective = session_idle = step_us = 0
    counter_us = counter_readings = witness_counter_us = witness_state_us = 0
    gaps: list[Interval] = []
    runs: list[Interval] = []
    known_to = begin  # what of the window has been accounted for
    last_end = _NEVER
    # The session being joined: where it began, where its last running time ended, how far
    # running and idle reach without a break, and its part within the window.
    session_from = run_end = reach = _NEVER
    session_running = session_joined = 0

    for piece in pieces[low:high]:
        start, end, state = piece.start_us, piece.end_us, piece.state
        if start < last_end:
            raise ValueError(
                f"piece at {start} µs starts before the one ahead of it ends ({last_end} µs); "
                "pieces must be sorted and disjoint"
            )
        last_end = end
        if start < finish and begin < end:
            inside_from = start if start > begin else begin
            inside_to = end if end < finish else finish
            inside = inside_to - inside_from
            if piece.counter_readings and begin <= start:
                counter_us += piece.counter_us
                counter_readings += piece.counter_readings
                witness_counter_us += piece.witness_counter_us
                witness_state_us += piece.witness_state_us
        else:
            inside = 0
        if inside:
            if inside_from > known_to:
                gaps.append((known_to, inside_from))
            known_to = inside_to
            if piece.step_us > step_us:
                step_us = piece.step_us

        if state is _RUNNING:
            if start != reach or start - run_end > session_gap_us:
                if run_end - session_from >= session_min_us:
                    effective += session_running
                    session_idle += session_joined
                session_from = start
                session_running = session_joined = 0
            elif run_end < start:
                joined_from = run_end if run_end > begin else begin
                joined_to = start if start < finish else finish
                if joined_from < joined_to:
                    session_joined += joined_to - joined_from
            reach = run_end = end
            if inside:
                running += inside
                session_running += inside
                runs.append((inside_from, inside_to))
        elif state is _IDLE:
            idle += inside
            if start == reach:
                reach = end
        else:
            off += inside
    if run_end - session_from >= session_min_us:
        effective += session_running
        session_idle += session_joined
    if known_to < finish:
        gaps.append((known_to, finish))

    scheduled_us: int | None = None
    running_scheduled_us: int | None = None
    if schedule is not None:
        open_us = clip(schedule, begin, finish)
        scheduled_us = length_us(open_us)
        running_scheduled_us = length_us(intersect(runs, open_us)) if open_us and runs else 0

    before_first = collector = gateway = device = 0
    if gaps:
        if first_us is None or first_us >= finish:
            before_first, gaps = length_us(gaps), []
        elif first_us > begin:
            before_first = length_us(clip(gaps, begin, first_us))
            gaps = clip(gaps, first_us, finish)
        if gaps:
            device = length_us(gaps)
            if collector_gaps:
                gaps = subtract(gaps, collector_gaps)
                collector = device - length_us(gaps)
                device -= collector
            if gateway_gaps and gaps:
                gaps = subtract(gaps, gateway_gaps)
                gateway = device - length_us(gaps)
                device -= gateway

    return Usage(
        running_us=running,
        idle_us=idle,
        off_us=off,
        unknown_before_first_us=before_first,
        unknown_collector_us=collector,
        unknown_gateway_us=gateway,
        unknown_device_us=device,
        scheduled_us=scheduled_us,
        running_scheduled_us=running_scheduled_us,
        effective_us=effective,
        session_idle_us=session_idle,
        rated_us=rated_us,
        counter_us=counter_us,
        counter_readings=counter_readings,
        witness_counter_us=witness_counter_us,
        witness_state_us=witness_state_us,
        step_us=step_us,
    )
