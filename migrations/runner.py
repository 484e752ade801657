"""Applies the SQL files beside it, each once, and refuses what was edited afterwards.

One file is one transaction, unless its first line says ``-- no-transaction``: then its
statements run one at a time. An advisory lock keeps two runners apart. A file whose first
lines say ``-- requires: community`` is skipped where TimescaleDB is the Apache edition, and
applied by a later run once the edition has changed.

What the files made is recorded in `schema_object`, so that a schema of which a restore brought
only a part is refused. Roles belong to the cluster and not to the database: where some are gone,
or their rights, the repeatable files run again, whatever was applied.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from store.run import run
from store.schema import MissingRight, missing_objects, missing_rights, objects, some

FOLDER = Path(__file__).parent
#: Any constant will do; it is ours alone ("jishi" in ASCII).
LOCK_KEY = 0x6A69736869
NO_TRANSACTION = "-- no-transaction"
COMMUNITY_ONLY = "-- requires: community"
#: From this file on, what migrations make is recorded.
RECORDING = "incremental/0022_create_schema_object.sql"


class MigrationError(Exception):
    """The schema cannot be brought up to date; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One SQL file."""

    name: str
    text: str
    repeatable: bool

    @property
    def digest(self) -> str:
        """SHA-256 of the file's text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def in_transaction(self) -> bool:
        """Whether the whole file is one transaction."""
        return not self.text.startswith(NO_TRANSACTION)

    @property
    def community_only(self) -> bool:
        """Whether it needs the Community edition of TimescaleDB."""
        return COMMUNITY_ONLY in self.text.splitlines()[:2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where one migration stands in one database."""

    migration: Migration
    #: ``applied``, ``pending``, ``changed`` (repeatable, runs again) or ``skipped`` (edition).
    state: str


def load(folder: Path = FOLDER) -> list[Migration]:
    """All migrations in the order in which they run."""
    found = [
        Migration(name=f"{kind}/{path.name}", text=path.read_text("utf-8"), repeatable=repeatable)
        for kind, repeatable in (("incremental", False), ("idempotent", True))
        for path in sorted((folder / kind).glob("*.sql"))
    ]
    numbers = [m.name.split("_")[0] for m in found]
    if len(set(numbers)) != len(numbers):
        raise MigrationError(f"two migrations share a number: {sorted(m.name for m in found)}")
    return found


def statements(text: str) -> list[str]:
    """The statements of a script, split at semicolons outside quotes, bodies and comments."""
    parts: list[str] = []
    start = i = 0
    while i < len(text):
        if text.startswith("--", i):
            i = _after(text, "\n", i)
        elif text.startswith("/*", i):
            i = _after(text, "*/", i + 2)
        elif text[i] in "'\"":
            i = _after(text, text[i], i + 1)
        elif text[i] == "$":
            end = text.find("$", i + 1)
            tag = text[i : end + 1]
            if end > 0 and (tag == "$$" or tag[1:-1].isidentifier()):
                i = _after(text, tag, end + 1)
            else:
                i += 1
        elif text[i] == ";":
            parts.append(text[start : i + 1].strip())
            start = i = i + 1
        else:
            i += 1
    parts.append(text[start:].strip())
    return [part for part in parts if _says_something(part)]


def _after(text: str, mark: str, start: int) -> int:
    found = text.find(mark, start)
    return len(text) if found < 0 else found + len(mark)


def _says_something(part: str) -> bool:
    return any(line.strip() and not line.strip().startswith("--") for line in part.splitlines())


def edition(connection: psycopg.Connection[tuple[object, ...]]) -> str:
    """``community`` or ``apache``, as TimescaleDB's licence setting says."""
    row = connection.execute("SELECT current_setting('timescaledb.license', true)").fetchone()
    return "community" if row and row[0] == "timescale" else "apache"


def standings(
    connection: psycopg.Connection[tuple[object, ...]], migrations: list[Migration]
) -> list[Progress]:
    """How each migration stands in the database.

    Raises:
        MigrationError: An applied incremental file was edited, or is gone.
    """
    exists = connection.execute("SELECT to_regclass('schema_migration') IS NOT NULL").fetchone()
    applied: dict[str, str] = {}
    if exists and exists[0]:
        rows = connection.execute("SELECT name, sha256 FROM schema_migration").fetchall()
        applied = {str(name): str(digest) for name, digest in rows}
    known = {m.name for m in migrations}
    for name in sorted(set(applied) - known):
        raise MigrationError(
            f"migration {name} was applied to this database but is not in this version of the"
            " software; run the version that brought it, or a newer one"
        )
    community = edition(connection) == "community"
    result = []
    for migration in migrations:
        before = applied.get(migration.name)
        if before == migration.digest:
            state = "applied"
        elif before is not None and not migration.repeatable:
            raise MigrationError(
                f"migration {migration.name} was edited after it had been applied (then"
                f" {before[:12]}…, now {migration.digest[:12]}…); put the file back and add a"
                " new one instead"
            )
        elif migration.community_only and not community:
            state = "skipped"
        else:
            state = "pending" if before is None else "changed"
        result.append(Progress(migration=migration, state=state))
    return result


def migrate(url: str, *, dry_run: bool = False, folder: Path = FOLDER) -> list[str]:
    """Brings the database at ``url`` up to date.

    Args:
        url: PostgreSQL connection URL of a role that may create tables.
        dry_run: Only say what would run.
        folder: Where the SQL files are.

    Returns:
        Names of the files applied (or to be applied), in order.

    Raises:
        MigrationError: A file was edited, or failed; the database is as before that file. Or the
            schema is not whole, and nothing was changed.
    """
    migrations = load(folder)
    # client_min_messages: TimescaleDB notices nothing that we did not intend.
    with psycopg.connect(
        url, autocommit=True, connect_timeout=10, options="-c client_min_messages=error"
    ) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
        try:
            found = standings(connection, migrations)
            _refuse_parts(connection, found)
            todo = [s.migration for s in found if s.state in ("pending", "changed")]
            if not todo and _lacking(connection, found):
                todo = [s.migration for s in found if s.migration.repeatable]
            if dry_run:
                return [m.name for m in todo]
            connection.execute(
                "CREATE TABLE IF NOT EXISTS schema_migration (name text PRIMARY KEY,"
                " sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
            )
            before = run(connection, objects())
            try:
                for migration in todo:
                    _apply(connection, migration)
            finally:
                if not connection.broken:
                    _record(connection, before)
            return [m.name for m in todo]
        finally:
            connection.execute("SELECT pg_advisory_unlock(%s)", [LOCK_KEY])


def _refuse_parts(
    connection: psycopg.Connection[tuple[object, ...]], found: list[Progress]
) -> None:
    """Refuses a database without TimescaleDB, and one of which a restore brought only a part."""
    if not connection.execute("SELECT FROM pg_extension WHERE extname = 'timescaledb'").fetchall():
        raise MigrationError(
            "the database has no TimescaleDB; have its superuser run in it:"
            " CREATE EXTENSION timescaledb"
        )
    applied = {s.migration.name for s in found if s.state in ("applied", "changed")}
    if RECORDING in applied:
        gone = run(connection, missing_objects())
        if gone:
            raise MigrationError(
                f"the schema is not whole: migrations were applied, and {len(gone)} of the things"
                f" that they made are missing ({some(gone)}), as a restore leaves it that ended"
                " with errors; restore once more into a new, empty database, with `jishi restore`"
            )
    elif not applied:
        made = {
            name
            for s in found
            if not s.migration.repeatable
            for name in re.findall(r"^CREATE TABLE (\w+)", s.migration.text, re.MULTILINE)
        }
        there = sorted(made & {name.removeprefix("table ") for name in run(connection, objects())})
        if there:
            raise MigrationError(
                f"the database has tables ({some(there)}) and no record of migrations: a part of a"
                " restore, or another program's; restore into a new, empty database with"
                " `jishi restore`, or give an empty one to `jishi migrate`"
            )


def _lacking(connection: psycopg.Connection[tuple[object, ...]], found: list[Progress]) -> bool:
    applied = {s.migration.name for s in found if s.state == "applied"}
    return RECORDING in applied and bool(run(connection, missing_rights()))


def _record(connection: psycopg.Connection[tuple[object, ...]], before: set[str]) -> None:
    """Keeps in `schema_object` what there is since, and all that there was before the first time.

    What others make beside us is not ours to miss, so only what a run brought or took counts.
    """
    exists = connection.execute("SELECT to_regclass('schema_object') IS NOT NULL").fetchone()
    if exists != (True,):
        return
    after = run(connection, objects())
    with connection.transaction():
        empty = connection.execute("SELECT NOT EXISTS (SELECT FROM schema_object)").fetchone()
        new = after if empty == (True,) else after - before
        connection.execute(
            "INSERT INTO schema_object (name) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING",
            [sorted(new)],
        )
        connection.execute(
            "DELETE FROM schema_object WHERE name = ANY (%s)", [sorted(before - after)]
        )


def rights_lacking(url: str) -> list[MissingRight]:
    """Rights that roles still miss in the migrated database at ``url``."""
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        return run(connection, missing_rights())


def _apply(connection: psycopg.Connection[tuple[object, ...]], migration: Migration) -> None:
    record = (
        "INSERT INTO schema_migration (name, sha256) VALUES (%s, %s)"
        " ON CONFLICT (name) DO UPDATE SET sha256 = EXCLUDED.sha256, applied_at = now()"
    )
    try:
        if migration.in_transaction:
            with connection.transaction():
                connection.execute(sql.SQL(migration.text))
                connection.execute(record, [migration.name, migration.digest])
        else:
            for statement in statements(migration.text):
                connection.execute(sql.SQL(statement))
            connection.execute(record, [migration.name, migration.digest])
    except psycopg.Error as error:
        raise MigrationError(f"migration {migration.name} failed: {error}") from error


def status(url: str) -> list[Progress]:
    """How each migration stands in the database at ``url``; changes nothing."""
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        return standings(connection, load())
