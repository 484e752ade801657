"""Makes a backup: one snapshot, dumped by `pg_dump`, counted, described, put in place at once."""

import os
import shutil
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from cli.backup import manifest as manifests
from cli.backup.manifest import DATABASE, BackupError, Manifest
from cli.backup.programs import run
from migrations import runner
from stack.clients import find_clients
from stack.settings import Settings

Connection = psycopg.Connection[tuple[Any, ...]]
#: Told of each table, and how many there are about.
Watch = Callable[[str, int], None]

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
#: Whose rights the dump names: they must be there before it is restored.
ROLES = """
SELECT DISTINCT r.rolname FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid
WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype = 'a' AND r.rolname NOT LIKE 'pg\\_%'
  AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY 1
"""


def make(url: str, target: Path, *, version: str, settings: Settings, watch: Watch) -> Manifest:
    """Back up the database at ``url``; heartbeats go on being taken meanwhile.

    Args:
        url: Of the database's owner, or a superuser; a standby will do.
        target: A file where the name ends in ``.tar``, else a folder; must not exist.
        version: Of Jishi, for the manifest.
        settings: Where PostgreSQL's programs may be.
        watch: Told of each table.

    Returns:
        What the backup says of itself.

    Raises:
        BackupError: It could not be made; nothing is left of it.
        psycopg.Error: The database cannot be reached.
    """
    if target.exists():
        raise BackupError(f"{target} exists; name another place, such as one with today's date")
    work = target.with_name(f".{target.name}.partial")
    shutil.rmtree(work, ignore_errors=True)
    try:
        work.mkdir(mode=0o700, parents=True)
        found = _dump(url, work, version, settings, watch)
        if target.suffix == ".tar":
            _pack(work, target)
        else:
            work.rename(target)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return found


def _dump(url: str, work: Path, version: str, settings: Settings, watch: Watch) -> Manifest:
    with psycopg.connect(url, connect_timeout=10) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        unknown = _unknown(connection)
        if unknown:
            raise BackupError(
                f"the database has migrations that this version does not know: {unknown}; back it"
                " up with the version that runs on it, or a newer one"
            )
        major = connection.info.server_version // 10_000
        programs = find_clients(major, settings)
        snapshot = _one(connection, "SELECT pg_export_snapshot()")
        total = int(_one(connection, "SELECT count(*) FROM pg_class WHERE relkind = 'r'"))
        begun = _describe(connection, version)
        with ThreadPoolExecutor(1) as counting:
            rows = counting.submit(_count, connection)
            run(
                programs / "pg_dump",
                url,
                [
                    *("--format=directory", f"--file={work / DATABASE}", "--no-owner"),
                    *(f"--jobs={min(4, os.cpu_count() or 1)}", f"--snapshot={snapshot}"),
                    # The nearest to nothing that still halves what is written.
                    *("--compress=zstd:1", "--no-sync"),
                ],
                lambda table: watch(table, total),
            )
            begun |= {"rows": rows.result()}
    found = Manifest(**begun, files=manifests.checksums(work))
    manifests.write(work, found)
    _sync(work)
    return found


def _unknown(connection: Connection) -> str:
    if _one(connection, "SELECT to_regclass('schema_migration')") is None:
        raise BackupError("the database holds no Jishi: no migration was applied to it")
    known = {migration.name for migration in runner.load()}
    names = {name for (name,) in connection.execute("SELECT name FROM schema_migration")}
    return ", ".join(sorted(names - known))


def _describe(connection: Connection, version: str) -> dict[str, Any]:
    at = _one(connection, "SELECT now()").astimezone(UTC)
    extension = _one(
        connection, "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'"
    )
    compressed = "SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed"
    applied = connection.execute("SELECT name, sha256 FROM schema_migration").fetchall()
    return {
        "jishi": version,
        "made_at": at.isoformat(),
        "postgresql": _one(connection, "SHOW server_version").split(" ")[0],
        "timescaledb": extension,
        "edition": runner.edition(connection),
        "compressed_chunks": _one(connection, compressed),
        "migrations": dict(applied),
        "roles": [name for (name,) in connection.execute(ROLES)],
        "database_bytes": _one(connection, "SELECT pg_database_size(current_database())"),
    }


def _count(connection: Connection) -> dict[str, int]:
    return count_rows(connection)


def count_rows(connection: Connection) -> dict[str, int]:
    """Rows of each table of ours."""
    names = [name for (name,) in connection.execute(TABLES).fetchall()]
    return {
        name: int(
            _one(connection, sql.SQL("SELECT count(*) FROM public.{}").format(sql.Identifier(name)))
        )
        for name in names
    }


def _one(connection: Connection, statement: str | sql.Composed) -> Any:
    row = connection.execute(statement).fetchone()
    return None if row is None else row[0]


def _pack(work: Path, target: Path) -> None:
    """A tar of the folder, in place at once."""
    partial = work.with_suffix(".tar")
    try:
        partial.unlink(missing_ok=True)  # of a run that was killed
        # Nobody else's to read at any moment, whatever the umask.
        made = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(made, "wb") as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                # The manifest first: who reads on learns at once what follows.
                tar.add(work / manifests.NAME, manifests.NAME)
                tar.add(work / DATABASE, DATABASE)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Onto the disk before anybody calls it a backup."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
