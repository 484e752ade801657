"""One batch, one transaction: raw rows, status, segments, rollup marks, dead letters.

Status rows are locked first, in key order: whoever holds them is alone with their
instruments, so what is newer than an instrument's newest row is new by construction and goes
in by ``COPY``; only the rest is looked up. Whatever fails, the transaction is as if it had not
been, and the batch can be written again.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psycopg

from ingest.db.connection import Keys, Micros
from ingest.metrics import Metrics
from ingest.write import gateway_link
from ingest.write import refold as late
from ingest.write.admission import Verdict, judge, refuse_too_old
from ingest.write.batch import LIVE, Arrival, Inbound, Outcome, flags_of
from ingest.write.copy_rows import (
    COPY_HEARTBEAT,
    COPY_SEGMENT,
    COPY_STATUS,
    CREATE_STATUS_IN,
    PORTION,
    SELECT_STATUS,
    UPDATE_STATUS,
    Rows,
    copy_rows,
    pack_heartbeat,
    pack_segment,
    pack_status,
)
from ingest.write.dead_letter import FloodGate, Letter, conflict_digest, record
from ingest.write.registry_cache import Registry
from ingest.write.skew import SkewWatch
from models.fold import Track, advance
from models.heartbeat import Heartbeat, Reason, canonical_encoding, precedence
from models.segment import Segment, State
from models.timestamp import format_ts

#: A receipt this much ahead of the clock (µs) was given by another clock, before a leap.
LEAP_US = 30_000_000
#: More standings than this are not kept between batches (memory).
STANDINGS_KEPT = 50_000

CLOCK = (
    "SELECT clock_timestamp(), (SELECT revision FROM registry_revision),"
    " date_trunc('day', clock_timestamp(), coalesce((SELECT value FROM service_setting"
    " WHERE name = 'rollup_zone'), 'Asia/Shanghai'))"
)
LOCK = (
    "SELECT instrument_key, version FROM instrument_status WHERE instrument_key = ANY(%b)"
    " ORDER BY instrument_key FOR NO KEY UPDATE"
)
STORED = """
SELECT h.instrument_key, h.ts, h.state, h.seq, h.boot_id, h.runtime_s, h.interval_s, h.power_w,
       h.flags, h.gateway_key, h.received_at, h.energy_wh
FROM unnest(%s::int[], %s::timestamptz[]) AS w (instrument_key, ts)
JOIN heartbeat h ON h.instrument_key = w.instrument_key AND h.ts = w.ts
WHERE h.ts BETWEEN %s AND %s
"""
REPLACE = """
UPDATE heartbeat SET flags = %s, state = %s, received_at = %s, gateway_key = %s, seq = %s,
       power_w = %s, runtime_s = %s, energy_wh = %s, interval_s = %s, boot_id = %s
WHERE instrument_key = %s AND ts = %s
"""


class RegistryMovedError(Exception):
    """A setting changed while the batch waited for its locks: judge it by the new one.

    Whoever changes a setting holds the locks of the status rows that it concerns, and dates
    the change after every batch that held them before.
    """


@dataclass(slots=True)
class Standing:
    """An instrument's status row as this worker last saw or wrote it."""

    version: int
    track: Track
    last_received_us: int = 0


@dataclass(slots=True)
class _Changes:
    """What a transaction writes, gathered step by step."""

    pieces: list[tuple[int, Segment]] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    #: Arrivals that lost a conflict, by digest of their letter: new or seen before?
    losers: list[tuple[bytes, Arrival]] = field(default_factory=list)
    #: Time ranges whose figures changed, by instrument key.
    touched: dict[int, tuple[int, int]] = field(default_factory=dict)
    late: int = 0
    rows_rewritten: int = 0
    rows_read: int = 0
    rollups_forgotten: int = 0

    def touch(self, key: int, low: int, high: int) -> None:
        """Widens what changed for an instrument."""
        old = self.touched.get(key)
        self.touched[key] = (low, high) if old is None else (min(low, old[0]), max(high, old[1]))


class Writer:
    """Writes batches over one connection, which the caller opens and may replace."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        accept_past_us: int,
        raw_retention_us: int,
        on_waiting: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepares.

        Args:
            metrics: Where it counts.
            accept_past_us: How old a heartbeat may be at its receipt (rule 6).
            raw_retention_us: How long raw rows are kept.
            on_waiting: Called when the rest of a batch is mostly the database's work.
        """
        self.registry = Registry()
        self._on_waiting = on_waiting
        self._metrics = metrics
        self._accept_past_us = accept_past_us
        self._raw_retention_us = raw_retention_us
        self._standings: dict[int, Standing] = {}
        self._flood = FloodGate()
        self._skew = SkewWatch()
        self._newest_receipt_us = 0
        #: Database time of the last transaction (µs) and the monotonic second it was read at.
        self.clock: tuple[int, float] = (0, 0.0)

    def prepare(self, connection: psycopg.Connection) -> None:
        """Readies a new connection."""
        connection.execute(CREATE_STATUS_IN)
        connection.commit()

    def now(self, connection: psycopg.Connection) -> tuple[int, int]:
        """The database's clock (µs) and the registry's revision, in a transaction of its own."""
        with connection.transaction():
            now_us, revision, _ = self._clock(connection)
        return now_us, revision

    def _clock(self, connection: psycopg.Connection) -> tuple[int, int, int]:
        # Read before the query, not after: what arrived is then dated at its arrival or later by
        # what the query takes. Dated before it, a gateway's goodbye counted from a moment at
        # which it still spoke, since the earlier of its word and its receipt is believed.
        asked = time.monotonic()
        row = connection.cursor(binary=True).execute(CLOCK).fetchone()
        assert row is not None
        self.clock = (row[0], asked)
        return row

    def forget_registry(self) -> None:
        """Has the registry loaded anew with the next batch."""
        self.registry = Registry()

    def write(
        self,
        connection: psycopg.Connection,
        inbounds: Sequence[Inbound],
        *,
        careful: bool = False,
    ) -> list[Outcome]:
        """Writes a batch.

        Args:
            connection: Idle; ``prepare`` was called for it.
            inbounds: Decoded messages in order of arrival.
            careful: Trust no status row: look every heartbeat up before it is written.

        Returns:
            One outcome a message.

        Raises:
            psycopg.Error: Nothing was written; the batch may be written again.
        """
        while True:
            outcomes = [Outcome() for _ in inbounds]
            changes = _Changes()
            touched_keys: set[int] = set()
            try:
                with connection.transaction():
                    self._write(connection, inbounds, outcomes, changes, touched_keys, careful)
                break
            except BaseException as error:
                # The tracks were advanced in place and no longer say what the database says.
                for key in touched_keys:
                    self._standings.pop(key, None)
                if not isinstance(error, RegistryMovedError):
                    raise
        self._count(outcomes, changes)
        self._skew.listen(inbound for inbound in inbounds if inbound.arrived is not None)
        if len(self._standings) > STANDINGS_KEPT:
            self._standings.clear()
        return outcomes

    def refold(
        self, connection: psycopg.Connection, key: int, low_us: int, high_us: int
    ) -> late.Rebuilt:
        """Folds a range of one instrument again from its raw rows.

        Args:
            connection: In a transaction of the caller's, or idle.
            key: The instrument.
            low_us: Start of the range, device's time.
            high_us: Its end, exclusive.
        """
        # Not from memory, and not kept there: the transaction may be part of a longer one.
        self._standings.pop(key, None)
        try:
            with connection.transaction():
                now_us, _, today_us = self._clock(connection)
                cursor = connection.cursor(binary=True)
                standing = self._lock(cursor, [key])[key]
                self.registry.refresh(connection, self._revision(cursor))
                rebuilt = late.rebuild(
                    cursor,
                    self.registry.instruments_by_key[key],
                    self.registry,
                    standing.track,
                    max(low_us, now_us - self._raw_retention_us),
                    min(high_us - 1, late.FAR_US),
                )
                if rebuilt.track_changed:
                    standing.version += 1
                    copy_rows(
                        cursor,
                        COPY_STATUS,
                        [
                            pack_status(
                                key, standing.version, standing.track, standing.last_received_us
                            )
                        ],
                    )
                    cursor.execute(UPDATE_STATUS)
                changes = _Changes()
                if rebuilt.touched:
                    changes.touch(key, *rebuilt.touched)
                self._forget_rollups(cursor, changes, today_us)
        finally:
            self._standings.pop(key, None)
        return rebuilt

    def relink(self, connection: psycopg.Connection, key: int) -> None:
        """Works out anew when the gateways of an instrument were off: corrections may differ.

        Args:
            connection: In a transaction of the caller's, or idle.
            key: The instrument.
        """
        with connection.transaction():
            _, revision, today_us = self._clock(connection)
            self.registry.refresh(connection, revision)
            cursor = connection.cursor(binary=True)
            changes = _Changes()
            for one, low, high in gateway_link.work_out_all(cursor, key, self.registry):
                changes.touch(one, low, high)
            self._forget_rollups(cursor, changes, today_us)

    def _write(
        self,
        connection: psycopg.Connection,
        inbounds: Sequence[Inbound],
        outcomes: list[Outcome],
        changes: _Changes,
        touched_keys: set[int],
        careful: bool,
    ) -> None:
        now_us, revision, today_us = self._clock(connection)
        self.registry.refresh(connection, revision)
        monotonic = self.clock[1]
        self._date(inbounds, now_us, monotonic)
        oldest_us = now_us - self._raw_retention_us
        verdict = judge(
            list(inbounds),
            outcomes,
            self.registry,
            accept_past_us=self._accept_past_us,
            oldest_us=oldest_us,
        )
        changes.letters.extend(verdict.letters)
        verdict.letters.clear()

        groups: dict[int, list[Arrival]] = defaultdict(list)
        for arrival in verdict.accepted:
            groups[arrival.instrument_key].append(arrival)
        doubtful_keys = {arrival.instrument_key for arrival in verdict.doubtful}
        keys = sorted(groups.keys() | doubtful_keys)
        touched_keys.update(keys)
        cursor = connection.cursor(binary=True)
        standings = self._lock(cursor, keys)
        if keys and self._revision(cursor) != revision:
            raise RegistryMovedError

        behind: list[Arrival] = []
        ahead: list[tuple[int, list[Arrival]]] = []
        for key in keys:
            arrivals = groups.get(key)
            if arrivals and careful:
                behind.extend(arrivals)
            elif arrivals:
                track = standings[key].track
                if _follow(track, arrivals):
                    ahead.append((key, arrivals))
                else:
                    self._part(track, key, arrivals, behind, ahead, changes)
        if behind or verdict.doubtful:
            self._take_late(cursor, standings, behind, verdict, changes, oldest_us)
        with Rows(cursor, COPY_HEARTBEAT) as rows:
            packed: list[bytes] = []
            for key, arrivals in ahead:
                self._take_next(standings[key].track, key, arrivals, changes, today_us)
                for arrival in arrivals:
                    packed.append(pack_heartbeat(arrival))
                if len(packed) >= PORTION:
                    rows.add(packed)
                    packed.clear()
            rows.add(packed)
        copy_rows(cursor, COPY_SEGMENT, (pack_segment(k, p) for k, p in changes.pieces))
        self._write_statuses(cursor, standings, groups)
        self._flag_clocks(cursor, verdict)
        link_touched = gateway_link.apply(
            cursor, inbounds, outcomes, changes.letters, self.registry, self._metrics
        )
        for key, low, high in link_touched:
            changes.touch(key, low, high)
        changes.letters.extend(verdict.letters)
        self._skew.write(cursor, self.registry, now_us)
        self._forget_rollups(cursor, changes, today_us)
        self._record_letters(cursor, changes)

    def _date(self, inbounds: Sequence[Inbound], now_us: int, monotonic: float) -> None:
        """Gives each message its receipt: the database's time of its arrival.

        Receipts never go back, and a gateway's word has one of its own, so that they keep the order
        of arrival: by it a will counts from what came before it (``gateway_link.py``).
        """
        before: float | None = None
        least_us = self._newest_receipt_us
        if least_us > now_us + LEAP_US:
            least_us = 0  # that was another clock
        received_us = now_us
        for inbound in inbounds:
            arrived = inbound.arrived
            if arrived is None:
                continue
            if arrived != before:  # hundreds arrive with one read
                before = arrived
                waited = monotonic - arrived
                received_us = now_us - (int(waited * 1_000_000) if waited > 0.0 else 0)
                if received_us < least_us:
                    received_us = least_us
            if inbound.kind == "status":
                received_us += 1
                inbound.received_us = received_us
                received_us += 1
                least_us = received_us
            else:
                inbound.received_us = received_us
        self._newest_receipt_us = max(least_us, received_us)

    @staticmethod
    def _revision(cursor: psycopg.Cursor) -> int:
        row = cursor.execute("SELECT revision FROM registry_revision").fetchone()
        assert row is not None
        return int(row[0])

    # -- status rows -----------------------------------------------------------------------

    def _lock(self, cursor: psycopg.Cursor, keys: list[int]) -> dict[int, Standing]:
        """Locks the status rows in key order; reads those that another worker changed."""
        if not keys:
            return {}
        known = self._standings
        wanted = [
            key
            for key, version in cursor.execute(LOCK, [Keys(keys)]).fetchall()
            if key not in known or known[key].version != version
        ]
        if wanted:
            for row in cursor.execute(SELECT_STATUS, [Keys(wanted)]):
                known[row[0]] = _standing(row)
        return {key: known[key] for key in keys}

    def _write_statuses(
        self,
        cursor: psycopg.Cursor,
        standings: dict[int, Standing],
        groups: dict[int, list[Arrival]],
    ) -> None:
        if not groups:
            return
        with Rows(cursor, COPY_STATUS) as rows:
            packed: list[bytes] = []
            for key, arrivals in groups.items():
                standing = standings[key]
                standing.version += 1
                newest = standing.last_received_us
                for arrival in arrivals:
                    received = arrival.inbound.received_us
                    if received > newest:
                        newest = received
                standing.last_received_us = newest
                packed.append(pack_status(key, standing.version, standing.track, newest))
                if len(packed) >= PORTION:
                    rows.add(packed)
                    packed.clear()
            rows.add(packed)
        self._on_waiting()
        cursor.execute(UPDATE_STATUS)

    def _flag_clocks(self, cursor: psycopg.Cursor, verdict: Verdict) -> None:
        if verdict.clock_future:
            cursor.execute(
                "UPDATE instrument_status s SET clock_future_at = f.at"
                " FROM unnest(%s::int[], %s::timestamptz[]) AS f (key, at)"
                " WHERE s.instrument_key = f.key",
                [
                    list(verdict.clock_future),
                    [Micros(us) for us in verdict.clock_future.values()],
                ],
            )

    # -- heartbeats that are new by construction ---------------------------------------------

    def _part(
        self,
        track: Track,
        key: int,
        arrivals: list[Arrival],
        behind: list[Arrival],
        ahead: list[tuple[int, list[Arrival]]],
        changes: _Changes,
    ) -> None:
        """Parts an instrument's arrivals into those behind its newest row and those ahead.

        Among those ahead, several of one time are one heartbeat and its duplicates, or a
        conflict.
        """
        if len(arrivals) > 1:
            arrivals.sort(key=_in_order)
        newest_ts, newest_at = track.newest_ts_us, track.newest_at_us
        if newest_ts is not None and newest_at is not None:
            first = arrivals[0]
            if first.ts_us <= newest_ts or first.at_us <= newest_at:
                late_ones = [a for a in arrivals if a.ts_us <= newest_ts or a.at_us <= newest_at]
                behind.extend(late_ones)
                arrivals = [a for a in arrivals if a.ts_us > newest_ts and a.at_us > newest_at]
        chosen: list[Arrival] = []
        for arrival in arrivals:
            if chosen and chosen[-1].ts_us == arrival.ts_us:
                chosen[-1] = self._settle(chosen[-1], arrival, changes)
            else:
                chosen.append(arrival)
        if chosen:
            ahead.append((key, chosen))

    def _settle(self, a: Arrival, b: Arrival, changes: _Changes) -> Arrival:
        """Which of two arrivals of one time stands; the other is a duplicate or a conflict."""
        if a.heartbeat == b.heartbeat:
            b.outcome.duplicates += 1
            a.live = a.live or b.live
            return a
        if precedence(b.heartbeat) < precedence(a.heartbeat):
            a, b = b, a
        letter = _conflict(b.heartbeat, b)
        changes.letters.append(letter)
        changes.losers.append((letter.digest, b))
        # It spoke, whichever of the two it meant; so it is taken when they come apart, too.
        a.live = a.live or b.live
        return a

    def _take_next(
        self, track: Track, key: int, arrivals: list[Arrival], changes: _Changes, today_us: int
    ) -> None:
        """Advances an instrument's fold over arrivals that are all newer than its rows."""
        closed: list[Segment] = []
        first = arrivals[0]
        if track.first_at_us is None:
            low = first.at_us
        elif track.credit_until_us is not None and first.at_us < track.credit_until_us:
            low = track.credit_from_us or first.at_us
        else:
            low = first.at_us
        for arrival in arrivals:
            arrival.stale = advance(track, arrival, closed)
            arrival.outcome.stored += 1
        if closed:
            changes.pieces.extend((key, piece) for piece in closed)
        if low - self.registry.instruments_by_key[key].session_reach_us < today_us:
            # Else it lies in a day that is not over, and no rollup has it.
            last = arrivals[-1]
            changes.touch(key, low, last.at_us + last.hold_us)

    # -- late ones, duplicates and conflicts -------------------------------------------------

    def _take_late(
        self,
        cursor: psycopg.Cursor,
        standings: dict[int, Standing],
        behind: list[Arrival],
        verdict: Verdict,
        changes: _Changes,
        oldest_us: int,
    ) -> None:
        stored = _stored(cursor, [*behind, *verdict.doubtful])
        self._settle_doubtful(cursor, verdict, stored, oldest_us)
        by_key: dict[int, dict[int, list[Arrival]]] = defaultdict(lambda: defaultdict(list))
        for arrival in behind:
            by_key[arrival.instrument_key][arrival.ts_us].append(arrival)
        new_rows: list[Arrival] = []
        changed: dict[int, list[int]] = defaultdict(list)
        for key, times in by_key.items():
            for ts, arrivals in times.items():
                if self._take_one_time(cursor, stored.get((key, ts)), arrivals, new_rows, changes):
                    changed[key].append(ts)
        copy_rows(cursor, COPY_HEARTBEAT, map(pack_heartbeat, new_rows))
        for key, times_changed in changed.items():
            instrument = self.registry.instruments_by_key[key]
            rebuilt = late.rebuild(
                cursor,
                instrument,
                self.registry,
                standings[key].track,
                min(times_changed),
                max(times_changed),
            )
            changes.late += len(times_changed)
            changes.rows_rewritten += len(rebuilt.removed) + len(rebuilt.added)
            changes.rows_read += rebuilt.rows_read
            if rebuilt.touched:
                changes.touch(key, *rebuilt.touched)

    def _settle_doubtful(
        self,
        cursor: psycopg.Cursor,
        verdict: Verdict,
        stored: dict[tuple[int, int], tuple[late.Raw, Heartbeat]],
        oldest_us: int,
    ) -> None:
        """Too old, unless stored or recorded already: a redelivery is never news (rule 3)."""
        if not verdict.doubtful:
            return
        digests = {
            id(a): conflict_digest(canonical_encoding(a.heartbeat)) for a in verdict.doubtful
        }
        cursor.execute(
            "SELECT digest FROM dead_letter WHERE digest = ANY(%s)", [list(digests.values())]
        )
        recorded = {bytes(row[0]) for row in cursor}
        for arrival in verdict.doubtful:
            found = stored.get((arrival.instrument_key, arrival.ts_us))
            if (found and found[1] == arrival.heartbeat) or digests[id(arrival)] in recorded:
                arrival.outcome.duplicates += 1
            else:
                received = arrival.inbound.received_us
                refuse_too_old(verdict, arrival, max(received - self._accept_past_us, oldest_us))

    def _take_one_time(
        self,
        cursor: psycopg.Cursor,
        found: tuple[late.Raw, Heartbeat] | None,
        arrivals: list[Arrival],
        new_rows: list[Arrival],
        changes: _Changes,
    ) -> bool:
        """Settles all arrivals of one instrument and time against the stored row.

        Returns:
            Whether the row came, or changed in what counts.
        """
        best = arrivals[0]
        if found is None:
            for arrival in arrivals[1:]:
                best = self._settle(best, arrival, changes)
            best.outcome.stored += 1
            new_rows.append(best)
            return True
        raw, heartbeat = found
        challengers = [a for a in arrivals if a.heartbeat != heartbeat]
        lives = any(a.live for a in arrivals if a.heartbeat == heartbeat)
        for arrival in arrivals:
            if arrival.heartbeat == heartbeat:
                arrival.outcome.duplicates += 1
        if challengers:
            best = challengers[0]
            for arrival in challengers[1:]:
                best = self._settle(best, arrival, changes)
            if precedence(best.heartbeat) < precedence(heartbeat):
                changes.letters.append(self._displaced(raw, heartbeat))
                best.outcome.stored += 1
                best.live = best.live or lives or bool(raw.flags & LIVE)
                cursor.execute(REPLACE, _replacement(best))
                return True
            letter = _conflict(best.heartbeat, best)
            changes.letters.append(letter)
            changes.losers.append((letter.digest, best))
            lives = lives or any(a.live for a in challengers)
        if lives and not raw.flags & LIVE:
            cursor.execute(
                "UPDATE heartbeat SET flags = flags | %s WHERE instrument_key = %s AND ts = %s",
                [LIVE, best.instrument_key, Micros(best.ts_us)],
            )
            return True
        return False

    def _displaced(self, raw: late.Raw, heartbeat: Heartbeat) -> Letter:
        gateway_id = self.registry.gateways_by_key[raw.gateway_key].gateway_id
        return Letter(
            reason=Reason.CONFLICT,
            detail=_conflict_detail(heartbeat),
            gateway_id=gateway_id,
            topic=f"instruments/v1/{gateway_id}/heartbeat",
            payload=canonical_encoding(heartbeat),
            received_us=raw.received_us,
            live=bool(raw.flags & LIVE),
            historical=False,
            instrument_id=heartbeat.instrument_id,
            ts_us=raw.ts_us,
        )

    # -- the rest of the transaction -----------------------------------------------------------

    def _forget_rollups(self, cursor: psycopg.Cursor, changes: _Changes, today_us: int) -> None:
        keys, lows, highs = [], [], []
        for key, (low, high) in changes.touched.items():
            reach = self.registry.instruments_by_key[key].session_reach_us
            if low - reach < today_us:
                keys.append(key)
                lows.append(Micros(max(low - reach, late.OLDEST_US)))
                highs.append(Micros(min(high + reach, late.FAR_US)))
        if keys:
            row = cursor.execute(
                "SELECT rollup_forget(%s::int[], %s::timestamptz[], %s::timestamptz[])",
                [keys, lows, highs],
            ).fetchone()
            changes.rollups_forgotten += row[0] if row else 0

    def _record_letters(self, cursor: psycopg.Cursor, changes: _Changes) -> None:
        times = record(cursor, changes.letters, self._flood)
        told: set[bytes] = set()
        for digest, arrival in changes.losers:
            if times.get(digest, 1) > 1 or digest in told:
                arrival.outcome.duplicates += 1
            else:
                told.add(digest)
                arrival.outcome.errors.append((arrival.index, Reason.CONFLICT))
                arrival.outcome.rejected += 1

    def _count(self, outcomes: list[Outcome], changes: _Changes) -> None:
        metrics = self._metrics
        stored = duplicates = 0
        for outcome in outcomes:
            stored += outcome.stored
            duplicates += outcome.duplicates
            if outcome.errors:
                for _, reason in outcome.errors:
                    metrics.rejected.labels(reason=str(reason)).inc()
        metrics.messages.inc(len(outcomes))
        metrics.stored.inc(stored)
        metrics.duplicates.inc(duplicates)
        metrics.late.inc(changes.late)
        metrics.rows_rewritten.inc(changes.rows_rewritten)
        metrics.rows_read.inc(changes.rows_read)
        metrics.rollups_forgotten.inc(changes.rollups_forgotten)


def _follow(track: Track, arrivals: list[Arrival]) -> bool:
    """Whether each is newer than all before it, by either time: the usual case."""
    ts, at = track.newest_ts_us, track.newest_at_us
    if ts is None or at is None:
        ts = at = late.OLDEST_US
    for arrival in arrivals:
        if arrival.ts_us <= ts or arrival.at_us <= at:
            return False
        ts, at = arrival.ts_us, arrival.at_us
    return True


def _in_order(arrival: Arrival) -> tuple[int, int]:
    return arrival.at_us, arrival.ts_us


def _standing(row: tuple) -> Standing:  # type: ignore[type-arg]
    """A status row in ``STATUS_COLUMNS``' order."""
    (
        _key, version, first_at, newest_ts, newest_at, newest_seq, newest_boot, newest_stale,
        credit_from, credit_until, state, segment_from, piece_from, step, counter, readings,
        witness_counter, witness_state, reading_at, reading, reading_running, reading_gap,
        live_at, live_until, power, last_received,
    ) = row  # fmt: skip
    track = Track(
        first_at_us=first_at,
        newest_ts_us=newest_ts,
        newest_at_us=newest_at,
        newest_seq=newest_seq,
        newest_boot_id=newest_boot,
        newest_stale=newest_stale,
        credit_from_us=credit_from,
        credit_until_us=credit_until,
        state=None if state is None else State(state),
        segment_from_us=segment_from,
        piece_from_us=piece_from,
        piece_step_us=step,
        piece_counter_us=counter,
        piece_counter_readings=readings,
        piece_witness_counter_us=witness_counter,
        piece_witness_state_us=witness_state,
        reading_at_us=reading_at,
        reading_us=reading,
        reading_running_us=reading_running,
        reading_gap=reading_gap,
        live_at_us=live_at,
        live_until_us=live_until,
        power_w=power,
    )
    return Standing(version, track, last_received or 0)


def _stored(
    cursor: psycopg.Cursor, arrivals: Sequence[Arrival]
) -> dict[tuple[int, int], tuple[late.Raw, Heartbeat]]:
    """The rows that stand where the arrivals would, by key and device's time."""
    ids = {a.instrument_key: a.heartbeat.instrument_id for a in arrivals}
    wanted = sorted({(a.instrument_key, a.ts_us) for a in arrivals})
    cursor.execute(
        STORED,
        [
            [key for key, _ in wanted],
            [Micros(ts) for _, ts in wanted],
            Micros(min(ts for _, ts in wanted)),
            Micros(max(ts for _, ts in wanted)),
        ],
        # A prepared statement gets a plan for arrays of ten: it would look each of thousands
        # of rows up in every chunk of the month.
        prepare=False,
    )
    found = {}
    for key, *rest in cursor:
        raw = late.Raw(*rest)
        found[key, raw.ts_us] = (
            raw,
            Heartbeat(
                instrument_id=ids[key],
                ts_us=raw.ts_us,
                state=State(raw.state),
                power_w=raw.power_w,
                runtime_s=raw.runtime_s,
                energy_wh=raw.energy_wh,
                seq=raw.seq,
                boot_id=raw.boot_id,
                interval_s=raw.interval_s,
            ),
        )
    return found


def _conflict_detail(loser: Heartbeat) -> str:
    # Nothing of the winner: which one that was by then depends on the order of arrival.
    return (
        f"instrument {loser.instrument_id!r} says {loser.state.word!r} at"
        f" {format_ts(loser.ts_us)}, but also something that goes before it: the lesser use, then"
        " the shorter interval_s of its own, then the smaller encoding stands (rule 3)"
    )


def _conflict(loser: Heartbeat, arrival: Arrival) -> Letter:
    return Letter(
        reason=Reason.CONFLICT,
        detail=_conflict_detail(loser),
        gateway_id=arrival.inbound.gateway_id,
        topic=arrival.inbound.topic,
        payload=canonical_encoding(loser),
        received_us=arrival.inbound.received_us,
        live=arrival.live,
        historical=arrival.inbound.historical,
        instrument_id=loser.instrument_id,
        ts_us=loser.ts_us,
    )


def _replacement(arrival: Arrival) -> list[object]:
    heartbeat = arrival.heartbeat
    return [
        flags_of(arrival),
        int(arrival.state),
        Micros(arrival.inbound.received_us),
        arrival.gateway_key,
        heartbeat.seq,
        heartbeat.power_w,
        heartbeat.runtime_s,
        heartbeat.energy_wh,
        heartbeat.interval_s,
        heartbeat.boot_id,
        arrival.instrument_key,
        Micros(arrival.ts_us),
    ]
