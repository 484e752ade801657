"""Registry, heartbeats and rollups put into a real database, without an ingest in between.

Heartbeats go through the core's fold, so segments and status stand as ingest would leave them.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg

from models.fold import Row, Track
from models.segment import State
from models.track_columns import TRACK_COLUMNS, Kind
from models.zone import local_day
from store.figures import totals
from store.figures.rollup_columns import COLUMNS
from store.figures.rollups import compute_days
from store.figures.subject import load_subjects, zone_of
from store.figures.surroundings import load_moment
from store.instant import from_us, to_us
from store.run import run
from tests.folding import fold

#: Asks the API: a path and parameters in, decoded JSON out.
Get = Callable[..., Any]

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
HOLD = 180 * SECOND


def at(text: str) -> int:
    """Microseconds of an ISO time; UTC unless it says otherwise."""
    moment = datetime.fromisoformat(text)
    return to_us(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def iso(us: int) -> str:
    return from_us(us).isoformat()


def beat(at_us: int, state: str, *, hold: int = HOLD, **more: Any) -> Row:
    return Row(at_us=at_us, ts_us=at_us, state=State[state.upper()], hold_us=hold, **more)


def every(
    start: int, end: int, state: str, *, step: int = MINUTE, hold: int = HOLD, **more: Any
) -> list[Row]:
    """Heartbeats of one state from ``start`` up to, not at, ``end``."""
    return [beat(t, state, hold=hold, **more) for t in range(start, end, step)]


#: Empties what tests fill, and all that refers to it. Tables of a few rows are emptied ten times
#: quicker than they are truncated, each of which makes new files; chunks are dropped. Nothing but
#: this database's owner is asked, so neither references nor triggers need to be.
EMPTY = """
DO $$
DECLARE one regclass;
BEGIN
    PERFORM set_config('session_replication_role', 'replica', true);
    FOR one IN
        WITH RECURSIVE filled (id) AS (
            SELECT name::regclass::oid FROM unnest('{institution, institution_version, gateway,
                gateway_version, instrument, instrument_version, maintenance, dead_letter,
                instrument_status, gateway_status, gateway_offline, gateway_word,
                collector_listening, rollup_day, rollup_todo, api_key, calendar_day}'::text[]) name
            UNION
            SELECT conrelid FROM pg_constraint JOIN filled ON confrelid = id WHERE contype = 'f'
        )
        SELECT id FROM filled
    LOOP
        EXECUTE format('DELETE FROM %s', one);
    END LOOP;
    FOREACH one IN ARRAY '{heartbeat, segment}'::regclass[] LOOP
        IF EXISTS (SELECT FROM show_chunks(one)) THEN
            EXECUTE format('TRUNCATE %s', one);
        END IF;
    END LOOP;
END $$
"""


@dataclass(slots=True)
class World:
    """A database with whatever a test puts into it."""

    conn: psycopg.Connection[Any]
    calendar: str = "CN"

    def now_us(self) -> int:
        row = self.conn.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        return to_us(row[0])

    def _key(self, table: str, identity: str) -> int:
        row = self.conn.execute(
            f"SELECT {table}_key FROM {table} WHERE {table}_id = %s", (identity,)
        ).fetchone()
        assert row is not None, f"no {table} {identity}"
        return int(row[0])

    def _make(self, table: str, identity: str) -> int:
        self.conn.execute(
            f"INSERT INTO {table} ({table}_id, changed_revision) VALUES (%s, 1)"
            " ON CONFLICT DO NOTHING",
            (identity,),
        )
        return self._key(table, identity)

    def _version(
        self, table: str, key: int, fields: dict[str, Any], valid_from: int | None
    ) -> None:
        """Adds a version; the first holds for ever, a later one from ``valid_from`` on."""
        if valid_from is None:
            since, valid = "-infinity", "2020-01-01T00:00:00Z"
        else:
            since = valid = iso(valid_from)
            self.conn.execute(
                f"UPDATE {table}_version SET force_to = %s"
                f" WHERE {table}_key = %s AND force_to = 'infinity'",
                (since, key),
            )
        self._revise()
        row = {
            f"{table}_key": key,
            "valid_from": valid,
            "force_from": since,
            "force_to": "infinity",
            **fields,
        }
        if row.get("opening_hours") is not None:
            row["opening_hours"] = json.dumps(row["opening_hours"])
        self.conn.execute(
            f"INSERT INTO {table}_version ({', '.join(row)})"
            f" VALUES ({', '.join(f'%({name})s' for name in row)})",
            row,
        )

    def _revise(self) -> None:
        """As every write of the registry: readers keep what they read of a revision."""
        self.conn.execute("UPDATE registry_revision SET revision = revision + 1")

    def institution(self, identity: str, *, valid_from: int | None = None, **fields: Any) -> None:
        key = self._make("institution", identity)
        self._version("institution", key, {"name": f"Inst {identity}", **fields}, valid_from)

    def gateway(self, identity: str, *, valid_from: int | None = None, **fields: Any) -> None:
        key = self._make("gateway", identity)
        self._version("gateway", key, {"name": f"Gateway {identity}", **fields}, valid_from)
        self.conn.execute(
            "INSERT INTO gateway_status (gateway_key) VALUES (%s) ON CONFLICT DO NOTHING", (key,)
        )

    def instrument(
        self,
        identity: str,
        *,
        institution: str = "i1",
        gateway: str = "g1",
        valid_from: int | None = None,
        **fields: Any,
    ) -> None:
        for table, name, make in (
            ("institution", institution, self.institution),
            ("gateway", gateway, self.gateway),
        ):
            known = self.conn.execute(f"SELECT FROM {table} WHERE {table}_id = %s", (name,))
            if known.fetchone() is None:
                make(name)
        key = self._make("instrument", identity)
        fields = {
            "name": f"Instrument {identity}",
            "institution_key": self._key("institution", institution),
            "gateway_key": self._key("gateway", gateway),
            **fields,
        }
        self._version("instrument", key, fields, valid_from)
        self.conn.execute(
            "INSERT INTO instrument_status (instrument_key) VALUES (%s) ON CONFLICT DO NOTHING",
            (key,),
        )

    def feed(
        self,
        identity: str,
        rows: Iterable[Row],
        *,
        received_at: int | None = None,
        raw: bool = False,
        gateway: str = "g1",
    ) -> Track:
        """All heartbeats of an instrument, in order of time."""
        key = self._key("instrument", identity)
        rows = list(rows)
        track, pieces = fold(rows)
        with (
            self.conn.cursor() as cursor,
            cursor.copy(
                "COPY segment (instrument_key, state, starts_at, ends_at, step_us, counter_us,"
                " counter_readings, witness_counter_us, witness_state_us) FROM STDIN"
            ) as copy,
        ):
            for piece in pieces:
                copy.write_row(
                    (
                        key,
                        int(piece.state),
                        from_us(piece.start_us),
                        from_us(piece.end_us),
                        piece.step_us,
                        piece.counter_us,
                        piece.counter_readings,
                        piece.witness_counter_us,
                        piece.witness_state_us,
                    )
                )
        values: dict[str, Any] = {}
        for column in TRACK_COLUMNS:
            value = getattr(track, column.field)
            if column.kind is Kind.TIME and value is not None:
                value = from_us(value)
            values[column.name] = int(value) if isinstance(value, State) else value
        newest = rows[-1].at_us if rows else 0
        values["last_received_at"] = from_us(received_at if received_at is not None else newest)
        self.conn.execute(
            f"UPDATE instrument_status SET {', '.join(f'{c} = %({c})s' for c in values)}"
            " WHERE instrument_key = %(key)s",
            {**values, "key": key},
        )
        if raw:
            self.store_raw(key, self._key("gateway", gateway), rows)
        return track

    def store_raw(self, key: int, gateway: int, rows: Sequence[Row]) -> None:
        seen: tuple[int | None, str | None] | None = None
        for row in rows:
            stale = row.seq is not None and seen == (row.seq, row.boot_id)
            seen = (row.seq, row.boot_id)
            self.conn.execute(
                "INSERT INTO heartbeat (instrument_key, flags, state, ts, received_at,"
                " gateway_key, seq, power_w, runtime_s, boot_id)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    key,
                    (1 if row.live else 4) | (2 if stale else 0),
                    int(row.state),
                    from_us(row.ts_us),
                    from_us(row.ts_us + SECOND),
                    gateway,
                    row.seq,
                    row.power_w,
                    None if row.runtime_us is None else row.runtime_us / SECOND,
                    row.boot_id,
                ),
            )

    def roll(self, first: date, end: date, *, instruments: Sequence[str] | None = None) -> int:
        """Writes the rollups of days ``[first, end)``; returns how many rows."""
        keys = [
            key
            for key, identity in self.conn.execute(
                "SELECT instrument_key, instrument_id FROM instrument ORDER BY 1"
            ).fetchall()
            if instruments is None or identity in instruments
        ]
        moment = run(self.conn, load_moment(self.calendar))
        subjects = run(self.conn, load_subjects(keys))
        days = [first + timedelta(days=n) for n in range((end - first).days)]
        rows = run(
            self.conn,
            compute_days(list(subjects.values()), dict.fromkeys(keys, days), moment),
        )
        with self.conn.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO rollup_day (instrument_key, day, hours, {', '.join(COLUMNS)})"
                f" VALUES (%s, %s, %s{', %s' * len(COLUMNS)})",
                [
                    (key, day, row.hours, *(getattr(row.usage, name) for name in COLUMNS))
                    for (key, day), row in rows.items()
                ],
            )
        return len(rows)

    def total(self, boundary: date) -> int:
        """Makes the running totals up to a boundary; returns how many were written."""
        row = self.conn.execute("SELECT coalesce(max(instrument_key), 0) FROM instrument")
        last = row.fetchone()
        assert last is not None
        return sum(
            totals.make(self.conn, chunk, boundary) for chunk in range(last[0] // totals.CHUNK + 1)
        )

    def unroll(self) -> None:
        self.conn.execute("DELETE FROM rollup_day")

    def listening(
        self, start: int, end: int, *, closed: bool = True, gateways: list[str] | None = None
    ) -> None:
        self.conn.execute(
            "INSERT INTO collector_listening (worker, gateways, starts_at, ends_at, closed)"
            " VALUES ('w', %s, %s, %s, %s)",
            (gateways, from_us(start), from_us(end), closed),
        )

    def offline(self, gateway: str, start: int, end: int | None) -> None:
        self.conn.execute(
            "INSERT INTO gateway_offline (gateway_key, place, starts_at, ends_at)"
            " VALUES (%(key)s, %(start)s, %(start)s, %(end)s)",
            {
                "key": self._key("gateway", gateway),
                "start": from_us(start),
                "end": None if end is None else from_us(end),
            },
        )

    def maintenance(
        self, instrument: str, start: int, end: int, *, kind: str = "maintenance"
    ) -> None:
        self.conn.execute(
            "INSERT INTO maintenance (instrument_key, starts_at, ends_at, kind)"
            " VALUES (%s, %s, %s, %s)",
            (self._key("instrument", instrument), from_us(start), from_us(end), kind),
        )

    def holiday(self, day: str, *, kind: str = "holiday", as_weekday: int | None = None) -> None:
        self.conn.execute(
            "INSERT INTO calendar_day (calendar, day, kind, as_weekday) VALUES ('CN', %s, %s, %s)"
            " ON CONFLICT (calendar, day) DO UPDATE SET kind = excluded.kind,"
            " as_weekday = excluded.as_weekday",
            (day, kind, as_weekday),
        )

    def clear(self) -> None:
        """Back to an empty service, quickly."""
        self._revise()
        self.conn.execute(EMPTY)


def day_of(us: int, zone: str = "Asia/Shanghai") -> date:
    return local_day(us, zone_of(zone))


def shifted(row: Row, by: int) -> Row:
    return replace(row, at_us=row.at_us + by, ts_us=row.ts_us + by)
