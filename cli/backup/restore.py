"""Brings a backup back: into an empty database, with TimescaleDB's own steps, then compared."""

import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cli.backup import manifest as manifests
from cli.backup.dump import Connection, count_rows
from cli.backup.manifest import DATABASE, BackupError, Manifest
from cli.backup.programs import run, tables_in
from migrations import runner
from stack.clients import find_clients
from stack.settings import Settings
from store.run import run as run_steps
from store.schema import missing_objects, some

#: Told of each table, and how many there are.
Watch = Callable[[str, int], None]

EMPTY = """
SELECT count(*) FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""


@contextmanager
def opened(source: Path) -> Iterator[Path]:
    """The folder of a backup, unpacked beside the file where it is one.

    Raises:
        BackupError: There is nothing, or it is no tar.
    """
    if source.is_dir():
        yield source
        return
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{source.name}.", dir=source.parent))
    except OSError as error:
        raise BackupError(f"{source} cannot be unpacked beside itself: {error}") from None
    try:
        try:
            with tarfile.open(source) as tar:
                tar.extractall(folder, filter="data")
        except (OSError, tarfile.TarError) as error:
            raise BackupError(f"{source} is no backup that can be read: {error}") from None
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def restore(url: str, source: Path, *, settings: Settings, watch: Watch) -> Manifest:
    """Restore a backup into the database at ``url``, which is made if it is not there.

    Args:
        url: A superuser's address of an empty database.
        source: What `jishi backup` made.
        settings: Where PostgreSQL's programs may be.
        watch: Told of each table.

    Returns:
        What the backup says of itself.

    Raises:
        BackupError: It does not fit the target, which is as it was; or restoring failed, and the
            target is of no use: the message says so.
        psycopg.Error: The target cannot be reached.
    """
    with opened(source) as folder:
        found = manifests.read(folder)
        _refuse_newer(found)
        made = _create(url)
        try:
            with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
                _refuse_target(connection, found)
                programs = find_clients(connection.info.server_version // 10_000, settings)
                manifests.verify(folder, found)
                _make_extension(connection, found)
                _make_roles(connection, found)
            _fill(url, programs, folder, watch)
            with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
                _compare(connection, found)
                connection.execute("ANALYZE")
        except BaseException:
            if made:
                _drop(url)
            raise
        return found


def _refuse_newer(found: Manifest) -> None:
    known = {migration.name for migration in runner.load()}
    newer = sorted(set(found.migrations) - known)
    if newer:
        raise BackupError(
            f"the backup is of Jishi {found.jishi}, whose migrations this version does not know"
            f" ({some(newer)}); restore with that version or a newer one"
        )


def _create(url: str) -> bool:
    """Makes the database where there is none; whether it did."""
    try:
        psycopg.connect(url, connect_timeout=10).close()
    except psycopg.OperationalError as error:
        if "does not exist" not in str(error) or "database" not in str(error):
            raise
        with psycopg.connect(_beside(url), autocommit=True, connect_timeout=10) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(_name(url)))
        return True
    return False


def _drop(url: str) -> None:
    with psycopg.connect(_beside(url), autocommit=True, connect_timeout=10) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(_name(url)))


def _beside(url: str) -> str:
    return make_conninfo(url, dbname="postgres")


def _name(url: str) -> sql.Identifier:
    return sql.Identifier(str(conninfo_to_dict(url)["dbname"]))


def _refuse_target(connection: Connection, found: Manifest) -> None:
    major = connection.info.server_version // 10_000
    if major < found.postgresql_major:
        raise BackupError(
            f"the backup is of PostgreSQL {found.postgresql}, and the target is {major}: restore"
            f" into {found.postgresql_major} or newer"
        )
    there = connection.execute(EMPTY).fetchone()
    if there is None or there[0]:
        raise BackupError(
            "the target database is not empty; name a new one: whatever database JISHI_DATABASE_URL"
            " names is made where there is none"
        )
    versions = [
        str(version)
        for (version,) in connection.execute(
            "SELECT version FROM pg_available_extension_versions WHERE name = 'timescaledb'"
        )
    ]
    if found.timescaledb not in versions:
        have = f"has {', '.join(sorted(versions))}" if versions else "has no TimescaleDB"
        raise BackupError(
            f"the backup is of TimescaleDB {found.timescaledb}, and the target's server {have};"
            " install that version (a backup fits no other), restore, and update the extension"
            " afterwards: ALTER EXTENSION timescaledb UPDATE"
        )
    if found.compressed_chunks and runner.edition(connection) != "community":
        raise BackupError(
            f"the backup has {found.compressed_chunks} compressed chunks, which TimescaleDB's"
            " Apache edition cannot read; restore into the Community edition, or back up once"
            " decompress_chunk() was run on all that show_chunks('heartbeat') lists"
        )


def _make_extension(connection: Connection, found: Manifest) -> None:
    row = connection.execute(
        "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'"
    ).fetchone()
    if row is not None and row[0] != found.timescaledb:
        raise BackupError(
            f"the target has TimescaleDB {row[0]} and the backup is of {found.timescaledb}; in the"
            " empty target: DROP EXTENSION timescaledb, then restore"
        )
    if row is None:
        statement = sql.SQL("CREATE EXTENSION timescaledb VERSION {}")
        connection.execute(statement.format(sql.Literal(found.timescaledb)))


def _make_roles(connection: Connection, found: Manifest) -> None:
    """Rights are given to them while restoring; passwords come afterwards (`jishi roles`)."""
    there = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
    for name in found.roles:
        if name not in there:
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(name)))


def _fill(url: str, programs: Path, folder: Path, watch: Watch) -> None:
    total = tables_in(programs / "pg_restore", folder / DATABASE)
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        connection.execute("SELECT timescaledb_pre_restore()")
    try:
        # One job: TimescaleDB's catalogue does not bear several (its documentation).
        run(
            programs / "pg_restore",
            url,
            ["--format=directory", "--no-owner", "--exit-on-error", folder / DATABASE],
            lambda table: watch(table, total),
        )
    except BackupError as error:
        raise BackupError(
            f"{error}\nwhat is in the database now is of no use: drop it and restore into a new one"
        ) from None
    finally:
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
            connection.execute("SELECT timescaledb_post_restore()")


def _compare(connection: Connection, found: Manifest) -> None:
    # Before that migration nothing said what there has to be.
    recorded = runner.RECORDING in found.migrations
    gone = run_steps(connection, missing_objects()) if recorded else []
    rows = count_rows(connection)
    differ = [
        f"{name}: {rows.get(name, 0)} rows, not {wanted}"
        for name, wanted in sorted(found.rows.items())
        if rows.get(name) != wanted
    ]
    if gone or differ:
        raise BackupError(
            f"what was restored is not what was backed up: {some([*gone, *differ])}; drop the"
            " database and take another copy of the backup"
        )
