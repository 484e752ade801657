from ingest.path.clock_guard import ClockGuard
from ingest.write.batch import Inbound
from models.heartbeat import Heartbeat
from models.message import Message
from models.segment import State

DAY = 86_400_000_000
YEAR = 365 * DAY
NOW = 1_800_000_000_000_000


def said(gateway: str, ts_us: int, *, live: bool = True) -> Inbound:
    heartbeat = Heartbeat(instrument_id="i", ts_us=ts_us, state=State.IDLE)
    message = Message(heartbeats=[(0, heartbeat)], rejects=[], total=1, payload=b"")
    return Inbound(gateway, "t", "heartbeat", False, 0.0, message=message, live=live)


def check(guard: ClockGuard, inbounds: list[Inbound], now: int, monotonic: float) -> str | None:
    return guard.check(inbounds, database_us=now, host_us=now, monotonic=monotonic)


def test_host_and_database_may_differ_by_thirty_seconds() -> None:
    guard = ClockGuard(30 * DAY)
    assert guard.check([], database_us=NOW, host_us=NOW + 30_000_000, monotonic=0.0) is None
    why = guard.check([], database_us=NOW, host_us=NOW + 30_000_001, monotonic=0.0)
    assert why is not None
    assert "differ" in why


def test_leap_of_the_clock_halts_until_it_is_undone() -> None:
    guard = ClockGuard(30 * DAY)
    assert check(guard, [said("g", NOW)], NOW, 0.0) is None
    assert check(guard, [said("g", NOW + 1)], NOW + YEAR, 1.0) is not None
    assert check(guard, [said("g", NOW + 1)], NOW - YEAR, 2.0) is not None
    assert check(guard, [said("g", NOW + 1)], NOW + 3_000_000, 3.0) is None


def test_leap_that_the_gateways_confirm_was_a_mending() -> None:
    guard = ClockGuard(30 * DAY)
    wrong = NOW - YEAR
    assert check(guard, [], wrong, 0.0) is None
    assert check(guard, [said("g", NOW), said("h", NOW)], NOW, 1.0) is None


def test_ten_gateways_and_most_must_turn() -> None:
    guard = ClockGuard(30 * DAY)
    ahead = NOW + 301_000_000
    few = [said(f"g{i}", ahead) for i in range(9)]
    assert check(guard, few, NOW, 0.0) is None
    ten = [said(f"g{i}", ahead) for i in range(10)]
    assert check(guard, ten, NOW, 1.0) is not None
    sound = [said(f"s{i}", NOW) for i in range(10)]
    assert check(guard, sound, NOW, 2.0) is None, "ten of twenty are not most"


def test_history_bears_no_witness() -> None:
    guard = ClockGuard(30 * DAY)
    old = [said(f"g{i}", NOW - 31 * DAY, live=False) for i in range(50)]
    assert check(guard, old, NOW, 0.0) is None


def test_too_old_turns_too() -> None:
    guard = ClockGuard(30 * DAY)
    old = [said(f"g{i}", NOW - 31 * DAY) for i in range(10)]
    assert check(guard, old, NOW, 0.0) is not None


def test_a_clock_that_answers_late_has_not_leapt() -> None:
    guard = ClockGuard(30 * DAY)
    assert guard.agrees(NOW, 0.0), "before any batch nothing is known"
    assert check(guard, [said("g", NOW)], NOW, 100.0) is None
    assert guard.agrees(NOW + 30_000_000, 100.0)
    assert not guard.agrees(NOW + 30_000_001, 100.0)
    assert not guard.agrees(NOW - 30_000_001, 100.0)
    # Asked at 100 s, answered at 200 s: it was read at some time in between.
    for read in (0, 50, 100):
        assert guard.agrees(NOW + read * 1_000_000, 200.0, 100.0)
    assert not guard.agrees(NOW + 130_000_001, 200.0, 100.0)
    assert not guard.agrees(NOW - 30_000_001, 200.0, 100.0)
