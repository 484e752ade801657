"""The data's path: take, decode, write, acknowledge, receipt.

One thread turns this loop, and ``intake.py`` has the next batch decoded by then. The database has
a process a connection, so two of them keep two processors at work: where there is much to write,
one inserts the heartbeats of a batch while the other updates the status rows of the batch before
(``Writer.begin`` says what is safe to do so), and a thread waits for that.

Nothing is acknowledged that is not committed, and nothing is committed before what came before it;
what fails is tried again for ever, with a pause that grows, and meanwhile the broker's window is
full: that is how backpressure reaches the gateways.
"""

import hashlib
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import psycopg
import structlog
from psycopg.pq import TransactionStatus

from ingest.db.connection import connect
from ingest.db.errors import Remedy, remedy
from ingest.db.query_watchdog import QueryWatchdog
from ingest.metrics import Metrics
from ingest.mqtt.reader import Reader
from ingest.mqtt.sparkplug_host import SparkplugHost
from ingest.path.clock_guard import ClockGuard
from ingest.path.intake import Intake, Taken
from ingest.path.isolation import Isolation, OurBugError, count_taken, write_apart
from ingest.path.transaction_size import TransactionSize
from ingest.settings import IngestSettings
from ingest.troubles import Kind
from ingest.write.batch import Inbound, Outcome
from ingest.write.inbounds import Inbounds
from ingest.write.outcomes import Outcomes
from ingest.write.receipts import Moment
from ingest.write.writer import Begun, Writer
from models.message import Receipt
from models.wire import encode_receipt

log = structlog.get_logger(__name__)

IDLE = TransactionStatus.IDLE
PAUSE_FIRST, PAUSE_MOST = 0.1, 5.0  # seconds
#: Transactions of a batch that ran out of time until it is written in smaller ones. One may have
#: met a lock; two are the batch's own.
TIMEOUTS_BORNE = 2
#: The same, where the connection was lost or could not be had: rarely the batch's own doing.
LOSSES_BORNE = 5
#: Heartbeats from which on a batch is ended beside the beginning of the next one: fewer are
#: written in less time than it takes two threads to agree.
MANY = 2_000


class _StoppedError(Exception):
    """Told to stop while a batch could not be written: it is not acknowledged and comes again."""


@dataclass(frozen=True, slots=True)
class _Ending:
    """A batch whose transaction is being ended."""

    batch: Taken
    begun: Begun
    #: When it was begun (monotonic s).
    started: float
    done: Future[None]


class Pipeline:
    """Moves deliveries from the reader into the database until told to stop."""

    def __init__(
        self,
        settings: IngestSettings,
        reader: Reader,
        metrics: Metrics,
        host: SparkplugHost | None = None,
    ) -> None:
        self._settings = settings
        self._reader = reader
        self._intake = Intake(reader, settings, host)
        self._metrics = metrics
        self._writer = Writer(
            metrics,
            accept_past_us=int(settings.accept_past.total_seconds() * 1_000_000),
            raw_retention_us=int(settings.kept.total_seconds() * 1_000_000),
            mqtt_client_id=settings.mqtt_client_id,
            zone=settings.timezone,
            on_waiting=self._intake.go,
            believes=self.believes,
        )
        self._guard = ClockGuard(int(settings.accept_past.total_seconds() * 1_000_000))
        self._isolation = Isolation()
        self._connection: psycopg.Connection | None = None
        #: The one over which a batch was begun last; the two take turns.
        self._other: psycopg.Connection | None = None
        self._ending: _Ending | None = None
        self._ender = ThreadPoolExecutor(1, thread_name_prefix="ending")
        self._stopping = threading.Event()
        #: Monotonic seconds of the last turn of the loop, waits included; for the watchdog.
        self.alive_at = time.monotonic()
        self._watchdog = QueryWatchdog()
        #: Seconds after which a transaction without an answer is given up.
        self._patience = 2 * settings.database_timeout.total_seconds()
        self._transaction_size = TransactionSize(
            settings.batch_heartbeats, settings.database_timeout.total_seconds()
        )
        #: Why intake halts now, for the clock's sake or for a bug's; empty while it does not.
        self._clock_halt = ""
        self._bug_halt = ""
        #: Why the present batch is not written; empty while nothing is in the way.
        self._stuck_by = ""
        #: When the oldest message of the present batch that is not written came (s).
        self._oldest: float | None = None
        self._batch = 0

    def run(self) -> None:
        """Turns the loop; returns after ``stop`` once what was taken is committed."""
        self._intake.start()
        try:
            while not (self._stopping.is_set() and self._intake.drained and self._ending is None):
                self.alive_at = time.monotonic()
                taken = self._intake.next(unless=self._is_ended)
                if taken is not None:
                    self._move(taken)
                elif self._is_ended() or self._intake.drained:
                    self._settle()  # no other comes that could be begun beside it
                    self._oldest = None
                taken = None  # or it would lie in memory beside the next one
        except _StoppedError:
            log.warning("stopped before all was written", action="stopping")
        self._intake.close()
        self._ender.shutdown()
        for connection in (self._connection, self._other):
            if connection is not None:
                connection.close()

    def stop(self) -> None:
        """Ends ``run`` once nothing that was received waits."""
        self._reader.stop_intake()
        self._intake.drain()
        self._stopping.set()

    def trusts(self, database_us: int) -> bool:
        """Whether the database's clock goes as it went when gateways last confirmed it."""
        return not self._clock_halt and self._guard.agrees(database_us, time.monotonic())

    def believes(self, moment: Moment) -> bool:
        """Whether the clock that a transaction begins with has not leapt since it was checked."""
        return self._guard.agrees(moment.now_us, time.monotonic(), moment.asked)

    @property
    def lag(self) -> float:
        """Age of the oldest message that reached us and is not written (s); 0: none waits."""
        # In the order in which they move, so that none slips by from one to the next.
        arrivals = (self._reader.oldest, self._intake.oldest, self._oldest)
        came = [arrived for arrived in arrivals if arrived is not None]
        return max(0.0, time.monotonic() - min(came)) if came else 0.0

    def troubles(self) -> dict[Kind, str]:
        """What is in the way of writing now, by kind."""
        if self._clock_halt or self._bug_halt:
            return {Kind.CLOCK: self._clock_halt, Kind.REFUSED: self._bug_halt}
        return {Kind.DATABASE: self._stuck_by}

    def _move(self, taken: Taken) -> None:
        """Sees a batch through, or as far as the next one may begin beside its end."""
        started = time.monotonic()
        self._batch += 1
        first = 0
        while first < len(taken.inbounds):
            part = _part(taken, first, self._transaction_size.most)
            if not self._begin(part):
                self._see_through(part)
            first += len(part.inbounds)
        self._metrics.batch_seconds.observe(time.monotonic() - started)

    def _see_through(self, batch: Taken) -> None:
        """Writes a batch by itself, for as long as it takes, and acknowledges it."""
        first = 0
        while first < len(batch.inbounds):
            part = _part(batch, first, self._transaction_size.most)
            self._oldest = _arrival(part)
            outcomes = self._write(part.inbounds)
            if not outcomes:
                continue  # the transactions are smaller now
            self._acknowledge(part, outcomes)
            first += len(part.inbounds)
        self._oldest = None

    # -- two at a time ---------------------------------------------------------------------

    def _begin(self, batch: Taken) -> bool:
        """Begins a large batch while the one before ends, and leaves it to end likewise.

        False where it is to be written by itself; the one before is over in any case.
        """
        begun, started = None, time.monotonic()
        troubled = self._stuck_by or self._bug_halt or self._transaction_size.is_shrunk
        if not troubled and int(batch.inbounds.sizes.sum()) >= MANY:
            begun = self._try_to_begin(batch.inbounds)
        if not self._settle(begun) or begun is None:
            return False
        assert self._connection is not None
        self._oldest = _arrival(batch)
        done = self._ender.submit(self._end, self._connection, begun)
        done.add_done_callback(lambda _: self._intake.look())
        self._ending = _Ending(batch, begun, started, done)
        self._connection, self._other = self._other, self._connection
        return True

    def _try_to_begin(self, inbounds: Inbounds) -> Begun | None:
        try:
            if not self._clock_is_right(inbounds):
                return None
            connection = self._connected()
            with self._watchdog.watch(connection, self._patience):
                return self._writer.begin(connection, inbounds)
        except Exception as error:
            # Whatever it is, it is met again once the batch is written by itself.
            log.warning(
                "batch not begun beside another",
                action="write_begin",
                error=str(error).strip(),
                type=type(error).__name__,
            )
            return None

    def _end(self, connection: psycopg.Connection, begun: Begun) -> None:
        with self._watchdog.watch(connection, self._patience):
            self._writer.end(begun)

    def _is_ended(self) -> bool:
        return self._ending is not None and self._ending.done.done()

    def _settle(self, begun: Begun | None = None) -> bool:
        """Waits until the batch before is over, and acknowledges it; False if it was begun anew.

        ``begun`` is what was begun after it, and is given up first then: its transaction is open,
        and what is written meanwhile must not become a part of it, nor wait for it.
        """
        ending, self._ending = self._ending, None
        if ending is None:
            return True
        batch = ending.batch
        self.alive_at = time.monotonic()
        try:
            ending.done.result()
        except Exception as error:
            for one in (begun, ending.begun):
                if one is not None:
                    with self._watchdog.watch(one.cursor.connection, self._patience):
                        self._writer.give_up(one)
            if isinstance(error, psycopg.Error):
                self._recover(error, careful=False, isolate=False)
            # Else another worker wrote the same instruments, or a setting changed.
            self._see_through(batch)
            return False
        outcomes = self._writer.ended(ending.begun)
        self._grow(batch.inbounds, ending.started)
        self._isolation.note(count_taken(batch.inbounds), 0)
        self._acknowledge(batch, outcomes)
        return True

    def _acknowledge(self, batch: Taken, outcomes: Outcomes) -> None:
        part, tokens = batch.inbounds, batch.tokens
        # All others are bare heartbeats that were taken: nobody waits for a word of them.
        told = [(n, part[n], outcomes[n]) for n in sorted(part.made.keys() | outcomes.made.keys())]
        unread = {
            token
            for place, inbound, outcome in told
            if outcome.errors and (token := tokens[place]) is not None and _is_unread(inbound)
        }
        self._reader.ack(filter(None, tokens), unread)
        now_us = self._now_us()
        receipts = []
        unknown = 0
        for _, inbound, outcome in told:
            message = inbound.message
            if message is None:
                continue
            unknown += message.unknown_fields
            # A gateway that waits for a receipt would send for ever what cannot be read.
            if message.batch_id is not None or (outcome.errors and message.refused_whole):
                receipt = Receipt(
                    batch_id=message.batch_id,
                    stored=outcome.stored,
                    duplicates=outcome.duplicates,
                    rejected=outcome.rejected,
                    errors=tuple(
                        sorted(outcome.errors, key=lambda e: -1 if e[0] is None else e[0])
                    ),
                    server_time_us=now_us,
                    payload_sha256=(
                        hashlib.sha256(message.payload).hexdigest()
                        if message.batch_id is None
                        else None
                    ),
                )
                topic = f"instruments/v1/{inbound.gateway_id}/receipt"
                receipts.append((topic, encode_receipt(receipt)))
        self._reader.publish(receipts)
        self._metrics.unknown_fields.inc(unknown)
        self._metrics.batch_heartbeats.observe(int(part.total.sum()))

    def _now_us(self) -> int:
        database_us, monotonic = self._writer.clock
        return database_us + int((time.monotonic() - monotonic) * 1_000_000)

    # -- writing, for as long as it takes --------------------------------------------------

    def _write(self, inbounds: Inbounds) -> Outcomes:
        """Their outcomes; none at all where fewer are to be written at once.

        Raises:
            _StoppedError: The database is in the way, and we are to stop.
        """
        pause = PAUSE_FIRST
        careful = False
        isolate = False
        timeouts = losses = 0
        while True:
            self.alive_at = began = time.monotonic()
            cuts = self._watchdog.cuts
            try:
                if self._clock_is_right(inbounds):
                    outcomes = self._write_once(inbounds, careful=careful, isolate=isolate)
                    self._grow(inbounds, began)
                    self._stuck_by = ""
                    return Outcomes.of(outcomes)
            except OurBugError as error:
                self._bug_halt = str(error)
                self._metrics.halted.set(1)
            except Exception as error:
                if isinstance(error, psycopg.OperationalError):
                    # What the watchdog ended looks like any lost connection.
                    is_late = error.sqlstate == "57014" or self._watchdog.cuts > cuts
                    timeouts += is_late
                    losses += is_late or error.sqlstate is None
                careful, isolate = self._recover(error, careful=careful, isolate=isolate)
                is_too_much = timeouts >= TIMEOUTS_BORNE or losses >= LOSSES_BORNE
                if is_too_much and len(inbounds) > 1:
                    self._transaction_size.shrink(int(inbounds.sizes.sum()))
                    log.warning(
                        "less in a transaction",
                        action="transaction_size",
                        heartbeats=self._transaction_size.most,
                    )
                    return Outcomes(0)
            if self._stopping.wait(pause * random.uniform(0.5, 1.0)) and pause >= 1.0:
                raise _StoppedError
            pause = min(2 * pause, PAUSE_MOST)

    def _grow(self, inbounds: Inbounds, began: float) -> None:
        if self._transaction_size.is_reduced:
            size = int(inbounds.sizes.sum())
            self._transaction_size.grow(size, time.monotonic() - began)

    def _write_once(self, inbounds: Inbounds, *, careful: bool, isolate: bool) -> Sequence[Outcome]:
        outcomes: Sequence[Outcome]
        if isolate:
            before = self._isolation.total
            outcomes = write_apart(
                lambda some: self._transact(some, careful=True),
                inbounds,
                lambda error: remedy(error) is Remedy.ISOLATE,
                self._isolation,
            )
            self._metrics.quarantined.inc(self._isolation.total - before)
        else:
            outcomes = self._transact(inbounds, careful=careful)
            self._isolation.note(count_taken(inbounds), 0)
        if self._bug_halt:
            self._bug_halt = ""
            self._metrics.halted.set(0)
        return outcomes

    def _transact(self, inbounds: Sequence[Inbound], *, careful: bool) -> Sequence[Outcome]:
        self.alive_at = time.monotonic()
        connection = self._connected()
        with self._watchdog.watch(connection, self._patience):
            return self._writer.write(connection, inbounds, careful=careful)

    def _clock_is_right(self, inbounds: Inbounds) -> bool:
        connection = self._connected()
        with self._watchdog.watch(connection, self._patience):
            database_us = self._writer.now(connection)
        why = self._guard.check(
            inbounds,
            database_us=database_us,
            host_us=time.time_ns() // 1000,
            monotonic=time.monotonic(),
        )
        if why:
            self._clock_halt = why
            self._metrics.halted.set(1)
        elif self._clock_halt:
            self._clock_halt = ""
            self._metrics.halted.set(0)
        self._metrics.clock_alarm.set(1 if self._clock_halt else 0)
        return not why

    def _recover(self, error: Exception, *, careful: bool, isolate: bool) -> tuple[bool, bool]:
        """Readies the next try; returns how careful it must be."""
        kind = remedy(error)
        self._metrics.retries.labels(kind=kind.value).inc()
        why = f"{type(error).__name__}: {str(error).strip()}"
        if why != self._stuck_by:
            # Once for each reason: how long it lasts is told by ``troubles.py``.
            log.warning(
                "batch not written",
                action="write_retry",
                batch=self._batch,
                remedy=kind.value,
                error=str(error).strip(),
                type=type(error).__name__,
            )
        self._stuck_by = why
        if kind is Remedy.LOOK_UP:
            # A second one in the careful mode cannot be a race any more.
            return True, isolate or careful
        if kind is Remedy.RELOAD:
            self._writer.forget_registry()
            return careful, isolate
        if kind is Remedy.ISOLATE:
            return careful, True
        self._disconnect()
        return careful, isolate

    def _connected(self) -> psycopg.Connection:
        # What is committed in a transaction that somebody left open would not be committed.
        if self._connection is None or self._connection.info.transaction_status is not IDLE:
            self._disconnect()
            connection = connect(
                self._settings.database_url.get_secret_value(),
                self._settings.worker,
                statement_timeout_s=self._settings.database_timeout.total_seconds(),
            )
            with self._watchdog.watch(connection, self._patience):
                self._writer.prepare(connection)
            self._connection = connection
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            try:
                self._connection.close()
            except psycopg.Error as error:
                log.debug("closing a broken connection", action="write_retry", error=str(error))
            self._connection = None


def _is_unread(inbound: Inbound) -> bool:
    """Whether nothing of a message could be read."""
    if inbound.message is not None:
        return inbound.message.refused_whole
    return inbound.refused is not None


def _arrival(batch: Taken) -> float | None:
    arrived = float(batch.inbounds.arrived[0])
    return None if arrived != arrived else arrived


def _part(batch: Taken, first: int, most: int) -> Taken:
    """The messages from ``first`` on with at most ``most`` heartbeats, at least one message."""
    sizes = np.cumsum(batch.inbounds.sizes[first:])
    count = max(1, int(np.searchsorted(sizes, most, side="right")))
    if count == len(batch.inbounds):
        return batch
    some = slice(first, first + count)
    return Taken(batch.inbounds[some], batch.tokens[some])
