from ingest.write.batch import Inbound
from ingest.write.skew import SkewWatch
from models.heartbeat import Heartbeat
from models.message import Message
from models.segment import State

NOW = 1_800_000_000_000_000
MINUTE = 60_000_000


def said(received_us: int, *times_us: int, live: bool = True) -> Inbound:
    heartbeats = [
        (i, Heartbeat(instrument_id="i", ts_us=ts, state=State.IDLE))
        for i, ts in enumerate(times_us)
    ]
    message = Message(heartbeats=heartbeats, rejects=[], total=len(times_us), payload=b"")
    return Inbound(
        "g", "t", "heartbeat", False, 0.0, message=message, received_us=received_us, live=live
    )


def test_smallest_of_ten_minutes_counts() -> None:
    watch = SkewWatch()
    watch.listen([said(NOW, NOW - 5_000_000), said(NOW, NOW - 2_000_000, NOW - 90_000_000)])
    watch.listen([said(NOW + MINUTE, NOW + MINUTE - 3_000_000)])
    assert watch.of("g", NOW + MINUTE) == 2_000_000
    assert watch.of("g", NOW + 10 * MINUTE) == 3_000_000, "the first minute is over ten ago"
    assert watch.of("g", NOW + 11 * MINUTE) is None


def test_clock_ahead_is_a_negative_skew() -> None:
    watch = SkewWatch()
    watch.listen([said(NOW, NOW + 400_000_000)])
    assert watch.of("g", NOW) == -400_000_000


def test_history_and_garbage_say_nothing() -> None:
    watch = SkewWatch()
    watch.listen([said(NOW, NOW - 1, live=False), said(NOW, NOW + 90_000 * 1_000_000)])
    assert watch.of("g", NOW) is None
