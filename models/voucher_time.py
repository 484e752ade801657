"""What time of an instrument voucher orders may use, from its pieces.

Which line gets which of it is ``models/voucher.py``'s.
"""

from collections.abc import Callable, Sequence

from models.confirmed import confirmed_pieces
from models.interval import Interval, clip, intersect, merge, subtract
from models.segment import HOUR_US, Piece, Segment, State
from models.session import sessions
from models.voucher import Offered


def reach(start_us: int, end_us: int, margin_us: int) -> Interval:
    """What has to be known of an instrument for a window: sessions reach out of it, and what is
    confirmed begins with the hour."""
    low = start_us - margin_us
    return low - low % HOUR_US, end_us + margin_us


def offer(
    pieces: Sequence[Piece],
    window: Interval,
    *,
    open_from_us: int | None,
    longest_us: Callable[[int], int],
    gap_us: int,
    min_us: int,
) -> Offered:
    """What a window offers.

    Args:
        pieces: Sorted, disjoint, up to now; all within the window's `reach`, with a margin of
            ``gap_us + min_us``. Where none is, is unknown, what lies ahead included.
        window: Start and end; may reach beyond now.
        open_from_us: From here on nothing is settled by a later heartbeat yet; None: all is.
        longest_us: The longest step that confirms what it credits, by when the piece starts.
        gap_us: As sessions are joined.
        min_us: As long as they last at least.
    """
    low, high = reach(*window, gap_us + min_us)
    settled = [one for one in pieces if open_from_us is None or one.start_us < open_from_us]
    gaps = subtract([(low, high)], merge((one.start_us, one.end_us) for one in pieces))
    # Only running and idle time make a session: what is off parts them, as what is missing does.
    could: list[Piece | Segment] = [*pieces, *(_running(gap) for gap in gaps)]
    could.sort(key=lambda one: one.start_us)

    def effective(parts: Sequence[Piece | Segment]) -> list[Interval]:
        spans = [(one.start_us, one.end_us) for one in sessions(parts, gap_us, min_us)]
        runs = merge((one.start_us, one.end_us) for one in parts if one.state is State.RUNNING)
        return clip(intersect(runs, spans), *window)

    sure = list(confirmed_pieces(settled, longest_us))
    return Offered(effective(pieces), effective(sure), effective(could))


def _running(gap: Interval) -> Segment:
    return Segment(start_us=gap[0], end_us=gap[1], state=State.RUNNING, step_us=0)
