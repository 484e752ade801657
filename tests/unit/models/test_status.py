"""Status of one instrument and one moment."""

import pytest

from models.fold import Row, Track
from models.segment import Segment, State
from models.status import AbsenceCause, Activity, Connectivity, Flag, Standing, derive_status
from tests.folding import fold

SECOND = 1_000_000
HOLD = 180 * SECOND
NOW = 10_000 * SECOND


def track(*rows: tuple[int, State], live: bool = True) -> Track:
    """Heartbeats so many seconds before now."""
    return fold(
        Row(at_us=NOW - ago * SECOND, ts_us=0, state=state, hold_us=HOLD, live=live)
        for ago, state in rows
    )[0]


def standing(of: Track, **more: object) -> Standing:
    return Standing(track=of, hold_us=HOLD, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ago", "connectivity", "activity"),
    [
        pytest.param(0, Connectivity.ONLINE, Activity.RUNNING, id="just-now"),
        pytest.param(179, Connectivity.ONLINE, Activity.RUNNING, id="within-the-hold"),
        pytest.param(180, Connectivity.OFFLINE, Activity.UNKNOWN, id="the-hold-is-half-open"),
    ],
)
def test_hold_decides(ago: int, connectivity: Connectivity, activity: Activity) -> None:
    status = derive_status(standing(track((ago, State.RUNNING))), NOW)
    assert (status.connectivity, status.activity) == (connectivity, activity)
    if connectivity is Connectivity.OFFLINE:
        assert status.cause is AbsenceCause.DEVICE
        assert status.since_us == NOW


def test_never_seen() -> None:
    status = derive_status(standing(Track()), NOW)
    assert status.connectivity is Connectivity.NEVER_SEEN
    assert status.cause is AbsenceCause.BEFORE_FIRST
    assert status.flags == ()


def test_history_that_covers_now_is_not_alive() -> None:
    status = derive_status(standing(track((5, State.IDLE), live=False)), NOW)
    assert (status.connectivity, status.activity) == (Connectivity.OFFLINE, Activity.UNKNOWN)


@pytest.mark.parametrize(
    ("listening", "gateway_off", "cause"),
    [
        pytest.param(False, NOW - 1, AbsenceCause.COLLECTOR, id="collector-before-gateway"),
        pytest.param(True, NOW - 1, AbsenceCause.GATEWAY, id="gateway"),
        pytest.param(True, NOW + 1, AbsenceCause.DEVICE, id="gateway-goes-later"),
        pytest.param(True, None, AbsenceCause.DEVICE, id="device"),
    ],
)
def test_the_first_cause_that_fits(
    listening: bool, gateway_off: int | None, cause: AbsenceCause
) -> None:
    of = standing(track((500, State.IDLE)), gateway_off_since_us=gateway_off)
    assert derive_status(of, NOW, listening=listening).cause is cause


def test_open_segment_ahead_of_now() -> None:
    before = Segment(
        start_us=NOW - 50 * SECOND, end_us=NOW + 10 * SECOND, state=State.OFF, step_us=SECOND
    )
    ahead = standing(track((-10, State.RUNNING)))
    status = derive_status(ahead, NOW, before=before)
    assert (status.activity, status.since_us) == (Activity.OFF, before.start_us)
    gap = derive_status(ahead, NOW + 10 * SECOND - 1, before=before)
    assert gap.activity is Activity.OFF
    assert derive_status(ahead, NOW + 10 * SECOND, before=before).activity is Activity.RUNNING


def test_a_good_heartbeat_among_bad_ones_does_not_mend_the_clock() -> None:
    of = standing(track((1, State.IDLE)), last_received_us=NOW, clock_future_us=NOW - 10 * SECOND)
    status = derive_status(of, NOW)
    assert status.connectivity is Connectivity.ONLINE
    assert Flag.CLOCK_FUTURE in status.flags
    assert Flag.CLOCK_FUTURE not in derive_status(of, NOW + HOLD).flags
