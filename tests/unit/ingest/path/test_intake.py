"""One batch ahead, in order, and nothing held back when it ends."""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence

import pytest

from ingest.mqtt.reader import Delivery, Token
from ingest.path.intake import Intake, IntakeDeadError
from ingest.settings import IngestSettings

SETTINGS = IngestSettings.model_validate(
    {"database_url": "postgresql://", "mqtt_url": "mqtt://", "batch_messages": 2}
)


class Waiting:
    """A reader without a broker: what waits is what it was given."""

    connected, in_flight, alive_at = True, 0, 0.0
    granted: frozenset[str] = frozenset()

    def __init__(self, count: int) -> None:
        self.waiting = deque(
            Delivery("instruments/v1/g/heartbeat", b"%d" % n, False, 0.0, Token(1, n))
            for n in range(count)
        )

    def take(self, most: int, wait: float, linger: float, most_bytes: int) -> list[Delivery]:
        if not self.waiting:
            time.sleep(0.01)
        return [self.waiting.popleft() for _ in range(min(most, len(self.waiting)))]

    @property
    def queued(self) -> int:
        return len(self.waiting)

    def start(self) -> None: ...
    def subscribe(self, wanted: Sequence[str], given_up: Sequence[str] = ()) -> None: ...
    def ack(self, tokens: Iterable[Token], invalid: Collection[Token] = ()) -> None: ...
    def publish(self, messages: Sequence[tuple[str, bytes]]) -> None: ...
    def stop_intake(self) -> None: ...
    def close(self, deadline: float) -> None: ...


def until(question: Callable[[], object]) -> None:
    for _ in range(500):
        if question():
            return
        time.sleep(0.01)
    raise AssertionError("nothing came of it")


def test_batches_come_in_order_until_nothing_waits() -> None:
    intake = Intake(Waiting(5), SETTINGS)
    intake.start()
    intake.drain()
    found = []
    while not intake.drained:
        if taken := intake.next():
            assert len(taken.tokens) == len(taken.inbounds) <= 2
            found += [token.packet_id for token in taken.tokens if token]
    assert found == [0, 1, 2, 3, 4]


def test_it_is_one_batch_ahead_and_no_more() -> None:
    reader = Waiting(6)
    intake = Intake(reader, SETTINGS)
    intake.start()
    until(lambda: reader.queued == 4)
    time.sleep(0.1)
    assert reader.queued == 4
    assert intake.next() is not None
    time.sleep(0.1)
    assert reader.queued == 4  # who took it has not said that it waits
    intake.go()
    until(lambda: reader.queued == 2)
    intake.go()
    time.sleep(0.1)
    assert reader.queued == 2
    assert not intake.drained
    intake.close()


class Dying(Waiting):
    """Ends the thread that takes from it."""

    def take(self, most: int, wait: float, linger: float, most_bytes: int) -> list[Delivery]:
        raise SystemExit


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_thread_is_told() -> None:
    intake = Intake(Dying(0), SETTINGS)
    intake.start()
    until(lambda: not intake._thread.is_alive())
    with pytest.raises(IntakeDeadError):
        intake.next()
