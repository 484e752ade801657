"""One batch, one transaction: raw rows, status, segments, rollup marks, dead letters.

Status rows are locked first, in key order: whoever holds them is alone with their
instruments, so what is newer than an instrument's newest row is new by construction and goes
in by ``COPY`` (``ahead.py``); only the rest is looked up (``late.py``). A batch that is plain
throughout, of instruments that nobody else was seen to write, trusts what it remembers of them
instead, and their update tells whether that stood. Whatever fails, the transaction is as if it had
not been, and the batch can be written again.

Such a batch may also be written in two halves: heartbeats and pieces, which wait for nobody
(``begin``), and status rows with what follows from them (``end``). So the first half of one goes
beside the second of the one before, over a connection each.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import psycopg

from ingest.db.connection import FAR_US
from ingest.db.errors import ClockLeaptError
from ingest.metrics import Metrics
from ingest.write import ahead, gateway_link, late, native, plain, refold, status_rows
from ingest.write.admission import Verdict, judge
from ingest.write.batch import Arrival, Inbound
from ingest.write.changes import Changes, count, forget_rollups, record_letters
from ingest.write.copy_rows import COPY_SEGMENT, copy_rows, pack_segment
from ingest.write.dead_letter import FloodGate
from ingest.write.folded_letters import FoldedLetters, TopicGate
from ingest.write.inbounds import Inbounds
from ingest.write.outcomes import Outcomes
from ingest.write.receipts import Moment, Receipts, read_moment, read_revision
from ingest.write.registry_cache import Registry
from ingest.write.skew import SkewWatch
from ingest.write.status_rows import Advanced, StatusMovedError, StatusRows, flag_clocks
from models.columns import Ints
from models.zone import DEFAULT_ZONE


class RegistryMovedError(Exception):
    """A setting changed while the batch waited for its locks: judge it by the new one.

    Whoever changes a setting holds the locks of the status rows that it concerns, and dates
    the change after every batch that held them before.
    """


@dataclass(frozen=True, slots=True)
class Begun:
    """A batch whose heartbeats are written, and whose transaction is to be ended."""

    transaction: ExitStack
    cursor: psycopg.Cursor
    inbounds: Inbounds
    outcomes: Outcomes
    changes: Changes
    keys: Ints
    advanced: Advanced
    moment: Moment


class Writer:
    """Writes batches over connections that the caller opens and may replace."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        accept_past_us: int,
        raw_retention_us: int,
        mqtt_client_id: str = "",
        zone: str = DEFAULT_ZONE,
        on_waiting: Callable[[], None] = lambda: None,
        believes: Callable[[Moment], bool] = lambda _: True,
    ) -> None:
        """Prepares.

        Args:
            metrics: Where it counts.
            accept_past_us: How old a heartbeat may be at its receipt (rule 6).
            raw_retention_us: How long raw rows are kept.
            mqtt_client_id: Names our session with the broker, where there is one.
            zone: The service's, by its IANA name.
            on_waiting: Called when the rest of a batch is mostly the database's work.
            believes: Whether a transaction may be judged by the clock that it begins with.
        """
        self._zone = ZoneInfo(zone)
        self.registry = Registry(self._zone)
        self._metrics = metrics
        self._accept_past_us = accept_past_us
        self._raw_retention_us = raw_retention_us
        self._mqtt_client_id = mqtt_client_id
        self._on_waiting = on_waiting
        self._believes = believes
        self._statuses = StatusRows(on_waiting)
        self._receipts = Receipts()
        self._flood = FloodGate()
        self._topics = TopicGate()
        self._skew = SkewWatch()
        #: Database time of the last batch (µs) and the monotonic second it was read at.
        self.clock: tuple[int, float] = (0, 0.0)

    def prepare(self, connection: psycopg.Connection) -> None:
        """Readies a new connection."""
        status_rows.prepare(connection)

    def now(self, connection: psycopg.Connection) -> int:
        """The database's clock (µs), read in a transaction of its own."""
        with connection.transaction():
            return read_moment(connection).now_us

    def forget_registry(self) -> None:
        """Has the registry loaded anew with the next batch."""
        self.registry = Registry(self._zone)

    def write(
        self,
        connection: psycopg.Connection,
        inbounds: Sequence[Inbound],
        *,
        careful: bool = False,
    ) -> Outcomes:
        """Writes a batch.

        Args:
            connection: Idle; ``prepare`` was called for it.
            inbounds: Decoded messages in order of arrival.
            careful: Trust no status row: look every heartbeat up before it is written.

        Returns:
            One outcome a message.

        Raises:
            psycopg.Error: Nothing was written; the batch may be written again.
            ClockLeaptError: Likewise, once the clock is believed again.
        """
        batch = Inbounds.of(inbounds)
        while True:
            outcomes = Outcomes(len(batch))
            try:
                with connection.transaction():
                    changes = self._transact(connection, batch, outcomes, careful)
                break
            except BaseException as error:
                # Who trusted may have written what another worker has stored.
                again = isinstance(error, psycopg.errors.UniqueViolation) and self._statuses.trusts
                self._statuses.failed()
                if not again and not isinstance(error, RegistryMovedError | StatusMovedError):
                    raise
        self._note(batch, outcomes, changes)
        return outcomes

    def begin(self, connection: psycopg.Connection, inbounds: Sequence[Inbound]) -> Begun | None:
        """Writes the heartbeats of a batch that is plain throughout; the rest is left to ``end``.

        Meanwhile the batch before may be ending in another thread: what that one writes to is not
        touched here, nor is anything changed that it reads. What stands of instruments is taken
        for what the batch before leaves.

        Args:
            connection: Another than the one that is ending; ``prepare`` was called for it.
            inbounds: Decoded messages in order of arrival; none is replayed from what was kept.

        Returns:
            None where the batch is not plain throughout, or the clock leapt: nothing was written.

        Raises:
            psycopg.Error: Nothing was written; the batch may be written again.
        """
        batch = Inbounds.of(inbounds)
        if not batch.in_columns.all():
            return None  # words of gateways and devices, and what cannot be read
        with ExitStack() as transaction:
            transaction.enter_context(connection.transaction())
            try:
                moment = self._look(connection)
            except ClockLeaptError:
                raise psycopg.Rollback from None
            if moment.revision != self.registry.revision:
                raise psycopg.Rollback
            self._receipts.date(batch, moment)
            outcomes = Outcomes(len(batch))
            together, apart = plain.find(batch, outcomes, self.registry, **self._limits(moment))
            if together is None or apart or not self._trusts(together):
                raise psycopg.Rollback
            cursor, changes, keys = connection.cursor(binary=True), Changes(), together.keys
            try:
                advanced = together.take(
                    cursor, self._statuses, changes, moment.today_us, self._on_waiting
                )
            except BaseException:
                self._statuses.doubt(keys)
                raise
            assert advanced is not None
            return Begun(
                transaction.pop_all(), cursor, batch, outcomes, changes, keys, advanced, moment
            )
        return None

    def end(self, begun: Begun) -> None:
        """Writes what is left, and commits; to be called once the batch before is committed.

        Touches nothing of the writer's that ``begin`` does. The caller then says ``ended`` or
        ``give_up``.

        Raises:
            Exception: Nothing was written; the batch may be written again.
        """
        with begun.transaction:
            self._statuses.write(begun.cursor, {}, {}, begun.advanced)
            self._check_revision(begun.cursor, begun.keys, begun.moment)
            self._follow_up(begun.cursor, begun.changes, begun.moment)

    def ended(self, begun: Begun) -> Outcomes:
        """Takes note of what ``end`` committed; one outcome a message."""
        self._note(begun.inbounds, begun.outcomes, begun.changes)
        return begun.outcomes

    def give_up(self, begun: Begun) -> None:
        """Takes back what was begun, whether or not its end was tried."""
        self._statuses.doubt(begun.keys)
        # Where the connection is lost, so is the transaction.
        with suppress(psycopg.Rollback, psycopg.Error), begun.transaction:
            raise psycopg.Rollback

    def _transact(
        self,
        connection: psycopg.Connection,
        inbounds: Inbounds,
        outcomes: Outcomes,
        careful: bool,
    ) -> Changes:
        moment = self._look(connection)
        self.registry.refresh(connection, moment.revision)
        self._receipts.date(inbounds, moment)
        cursor = connection.cursor(binary=True)
        folded = FoldedLetters()
        inbounds = native.take(
            cursor, inbounds, outcomes, self.registry, folded, self._mqtt_client_id
        )
        limits = self._limits(moment)
        together = apart = None
        if not careful:
            together, apart = plain.find(inbounds, outcomes, self.registry, **limits)
        if apart is None:
            apart = list(zip(inbounds, outcomes, strict=True))
        verdict = judge(Verdict(), apart, self.registry, **limits)
        changes = Changes(letters=verdict.letters, folded=folded)
        keys = _keys_of(verdict, together)
        trusted = (
            together is not None
            and len(together.keys) == len(keys)  # nothing is judged one by one
            and self._trusts(together)
        )
        if not trusted:
            self._statuses.lock(cursor, keys)
            self._check_revision(cursor, keys, moment)
            if together is not None:
                judge(verdict, together.meet(self._statuses), self.registry, **limits)
        groups: dict[int, list[Arrival]] = defaultdict(list)
        for arrival in verdict.accepted:
            groups[arrival.instrument_key].append(arrival)
        rows = self._statuses.rows(
            sorted(groups.keys() | {arrival.instrument_key for arrival in verdict.doubtful})
        )
        news, behind = ahead.part(
            rows, groups, changes, verdict.stateless, moment.now_us, careful=careful
        )
        if behind or verdict.doubtful:
            late.take(
                cursor,
                rows,
                behind,
                verdict,
                self.registry,
                changes,
                now_us=moment.now_us,
                **limits,
            )
        ahead.take(cursor, rows, news, self.registry, changes, moment.today_us)
        copy_rows(cursor, COPY_SEGMENT, (pack_segment(k, p) for k, p in changes.pieces))
        advanced = None
        if together is not None:
            advanced = together.take(
                cursor, self._statuses, changes, moment.today_us, self._on_waiting
            )
        self._statuses.write(cursor, rows, groups, advanced)
        if trusted:
            # The update has locked them, and found nothing changed.
            self._check_revision(cursor, keys, moment)
        flag_clocks(cursor, verdict.clock_future)
        changes.touch_all(
            gateway_link.apply(
                cursor, inbounds, outcomes, changes.letters, self.registry, self._metrics
            )
        )
        self._follow_up(cursor, changes, moment)
        record_letters(cursor, changes, self._flood, self._topics)
        return changes

    def refold(
        self, connection: psycopg.Connection, key: int, low_us: int, high_us: int
    ) -> refold.Rebuilt:
        """Folds a range of one instrument again from its raw rows.

        Args:
            connection: In a transaction of the caller's, or idle.
            key: The instrument.
            low_us: Start of the range, device's time.
            high_us: Its end, exclusive.
        """
        # Not from memory, and not kept there: the transaction may be part of a longer one.
        self._statuses.forget(np.array([key]))
        try:
            with connection.transaction():
                moment = self._look(connection)
                cursor = connection.cursor(binary=True)
                self._statuses.lock(cursor, np.array([key]))
                rows = self._statuses.rows([key])
                self.registry.refresh(connection, read_revision(cursor))
                oldest_us = moment.now_us - self._raw_retention_us
                rebuilt = refold.rebuild(
                    cursor,
                    self.registry.instruments_by_key[key],
                    self.registry,
                    rows[key].track,
                    max(low_us, oldest_us),
                    min(high_us - 1, FAR_US),
                    moment.now_us,
                )
                if rebuilt.track_changed:
                    self._statuses.write(cursor, rows, {key: []})
                changes = Changes()
                changes.take(key, rebuilt)
                forget_rollups(cursor, self.registry, changes, moment.today_us)
        finally:
            self._statuses.forget(np.array([key]))
        return rebuilt

    def relink(self, connection: psycopg.Connection, key: int) -> None:
        """Works out anew when the gateways of an instrument were off: corrections may differ.

        Args:
            connection: In a transaction of the caller's, or idle.
            key: The instrument.
        """
        with connection.transaction():
            moment = self._look(connection)
            self.registry.refresh(connection, moment.revision)
            cursor = connection.cursor(binary=True)
            changes = Changes()
            changes.touch_all(gateway_link.work_out_all(cursor, key, self.registry))
            forget_rollups(cursor, self.registry, changes, moment.today_us)

    def _check_revision(self, cursor: psycopg.Cursor, keys: Ints, moment: Moment) -> None:
        """To be asked once the rows are locked.

        Raises:
            RegistryMovedError: A setting changed since the transaction began.
        """
        if len(keys) and read_revision(cursor) != moment.revision:
            raise RegistryMovedError

    def _limits(self, moment: Moment) -> dict[str, int]:
        """What ``judge`` and ``plain.find`` hold heartbeats to."""
        return {
            "accept_past_us": self._accept_past_us,
            "oldest_us": moment.now_us - self._raw_retention_us,
        }

    def _trusts(self, together: plain.PlainBatch) -> bool:
        """Whether all of it is plain by what is remembered, which is trusted from now on."""
        return self._statuses.trust(together.keys) and together.fits(self._statuses)

    def _follow_up(self, cursor: psycopg.Cursor, changes: Changes, moment: Moment) -> None:
        self._skew.write(cursor, self.registry, moment.now_us)
        forget_rollups(cursor, self.registry, changes, moment.today_us)

    def _note(self, batch: Inbounds, outcomes: Outcomes, changes: Changes) -> None:
        """Takes note of what was committed."""
        self._statuses.committed()
        count(self._metrics, outcomes, changes)
        self._skew.listen(batch)

    def _look(self, connection: psycopg.Connection) -> Moment:
        moment = read_moment(connection)
        # Whoever looked before the transaction saw the clock as it was then.
        if not self._believes(moment):
            raise ClockLeaptError("the database's clock leapt since it was looked at")
        self.clock = (moment.now_us, moment.asked)
        return moment


def _keys_of(verdict: Verdict, together: plain.PlainBatch | None) -> Ints:
    """Keys of all instruments that a batch may write, sorted."""
    judged = {arrival.instrument_key for arrival in (*verdict.accepted, *verdict.doubtful)}
    keys = np.array(sorted(judged), np.int64)
    return keys if together is None else np.union1d(keys, together.keys)
