"""What each step of the hot path costs: processor time of ours and of PostgreSQL's backend.

Batches are made beforehand, decoded and written in this process, over a real connection to the
rig's durable database; broker and reader are left out. Processor time hardly minds what else the
machine does, so a change shows where whole drains (``drain.py``) are too unsteady to tell.
"""

import gc
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
from prometheus_client import CollectorRegistry

from bench.beats import Stretch, batches, singles
from bench.rig import Rig, daytime_zone
from ingest.db.connection import connect
from ingest.metrics import Metrics
from ingest.mqtt.reader import Delivery, Token
from ingest.path import decode
from ingest.settings import IngestSettings
from ingest.upkeep.roller import ensure_zone
from ingest.write import ahead, plain, writer
from ingest.write.plain import PlainBatch
from ingest.write.status_rows import StatusRows
from ingest.write.writer import Writer

HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
#: What is timed: where the function is looked up, its name there, the step that it is.
_TIMED: tuple[tuple[Any, str, str], ...] = (
    (writer, "judge", "judge"),
    (StatusRows, "lock", "lock status rows"),
    (ahead, "part", "part"),
    (ahead, "take", "fold, pack and COPY heartbeats"),
    (plain, "find", "plain: judge"),
    (PlainBatch, "meet", "plain: part"),
    (PlainBatch, "take", "plain: fold, pack and COPY heartbeats"),
    (writer, "copy_rows", "pack and COPY pieces"),
    (StatusRows, "write", "pack and COPY status, UPDATE"),
)


@dataclass
class Steps:
    """Nanoseconds of processor by step, ours and the backend's; one within another is its own."""

    backend: int
    ours: dict[str, int] = field(default_factory=dict)
    theirs: dict[str, int] = field(default_factory=dict)
    _within: list[list[int]] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Counts what is done in the context."""
        self._within.append([0, 0])
        began = self._clocks()
        try:
            yield
        finally:
            spent = [now - then for now, then in zip(self._clocks(), began, strict=True)]
            inner = self._within.pop()
            for counts, all_of_it, of_others in zip(
                (self.ours, self.theirs), spent, inner, strict=True
            ):
                counts[name] = counts.get(name, 0) + all_of_it - of_others
            if self._within:
                for place, all_of_it in enumerate(spent):
                    self._within[-1][place] += all_of_it

    def _clocks(self) -> tuple[int, int]:
        theirs = int(Path(f"/proc/{self.backend}/schedstat").read_text().split()[0])
        return time.thread_time_ns(), theirs


@contextmanager
def _timed(steps: Steps) -> Iterator[None]:
    """Has the steps of the writer counted, for as long as the context lasts."""
    originals = [(owner, name, getattr(owner, name)) for owner, name, _ in _TIMED]

    def counted(function: Callable[..., Any], step: str) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            with steps.step(step):
                return function(*args, **more)

        return call

    try:
        for (owner, name, function), (_, _, step) in zip(originals, _TIMED, strict=True):
            setattr(owner, name, counted(function, step))
        yield
    finally:
        for owner, name, function in originals:
            setattr(owner, name, function)


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Ingest has it look seldom (``ingest/service.py``): here as good as never."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@dataclass(frozen=True, slots=True)
class Costs:
    """Microseconds of processor a heartbeat, by step."""

    ours: dict[str, float]
    theirs: dict[str, float]

    @property
    def in_all(self) -> tuple[float, float]:
        """Ours and the backend's."""
        return sum(self.ours.values()), sum(self.theirs.values())


def measure(rig: Rig, *, size: int, transactions: int, hours_ago: int) -> Costs:
    """Writes some transactions as large as ingest makes them.

    Args:
        rig: With its city; what is written stays there.
        size: Heartbeats a message.
        transactions: How many are counted, after one that is not.
        hours_ago: When the heartbeats are dated: later than all that the rig has, or they are late.
    """
    settings = IngestSettings.model_fields
    most: int = settings["batch_messages"].default
    messages = most // size
    now_s = time.time()
    ticks = -(-most * (transactions + 1) // rig.city.instruments)
    stretch = Stretch(rig.city, (int(now_s) // 3600 - hours_ago) * HOUR_US, 0, ticks)
    stream = singles(stretch, stretch.heartbeats) if size == 1 else batches(stretch, size, "steps")
    subject = Writer(
        Metrics(CollectorRegistry()),
        accept_past_us=30 * DAY_US,
        raw_retention_us=35 * DAY_US,
    )
    with connect(rig.stack.database_url, "steps") as connection:
        # What follows from a day that is over is not measured here.
        ensure_zone(connection, daytime_zone(now_s))
        subject.prepare(connection)
        steps = Steps(connection.info.backend_pid)
        _write(subject, connection, steps, islice(stream, messages))
        steps.ours.clear()
        steps.theirs.clear()
        count = 0
        with _timed(steps), _collector_at_rest():
            for _ in range(transactions):
                count += _write(subject, connection, steps, islice(stream, messages))
    return Costs(
        *({s: ns / count / 1e3 for s, ns in of.items()} for of in (steps.ours, steps.theirs))
    )


def _write(
    subject: Writer,
    connection: psycopg.Connection,
    steps: Steps,
    stream: Iterable[tuple[str, bytes]],
) -> int:
    now = time.monotonic()
    deliveries = [
        Delivery(topic, payload, False, now, Token(1, number % 65_535 + 1))
        for number, (topic, payload) in enumerate(stream)
    ]
    with steps.step("decode"):
        inbounds = decode.decode_deliveries(deliveries)
    with steps.step("the rest of the transaction"):
        outcomes = subject.write(connection, inbounds)
    return sum(outcome.stored for outcome in outcomes)


def table(costs: dict[str, Costs]) -> list[tuple[str, ...]]:
    """Rows of text: step, then ours and the backend's of each kind of message."""
    steps = list(dict.fromkeys(step for cost in costs.values() for step in cost.ours))
    rows = [
        (step, *(f"{of.get(step, 0.0):.2f}" for c in costs.values() for of in (c.ours, c.theirs)))
        for step in steps
    ]
    totals = (f"{number:.2f}" for cost in costs.values() for number in cost.in_all)
    return [*rows, ("in all", *totals)]
