"""One PostgreSQL with TimescaleDB: created, started, stopped.

It listens on loopback only, with a password, and has no Unix socket. Where its programs come
from is in `fetch.py`; how it starts and ends is in `server.py`.
"""

import os
import secrets
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import psycopg
from psycopg import sql

from stack.account import Account, make_private_dir, write_private
from stack.debian import SYSTEM_ZONES
from stack.errors import InUseError, StackError
from stack.fetch import PostgresPrograms
from stack.lifecycle import HOST, memory_bytes, tail
from stack.server import Server

USER = "jishi"
DATABASE = "jishi"
#: Where a server's own processes find its folder: they all have it as working directory, and
#: this way holds even where the path itself leads through folders closed to their account
#: (root's temporary folders are).
HERE = "/proc/self/cwd"

SHARED_MEMORY = 256 << 20  # bytes in /dev/shm that queries in parallel may take


class Postgres(Server):
    """A PostgreSQL server whose data live in one folder.

    Below `folder` lie `postgres/` (the cluster), `postgres.log`, `postgres.lock` and
    `postgres.password` (mode 0600, the superuser's).
    """

    TITLE = "PostgreSQL"
    NAME = "postgres"
    PORT_OPTION = "--database-port"
    PORT_TAKEN = "could not bind"
    START_PATIENCE = 300.0  # recovery after a crash replays the log first
    STOPPING = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0))  # fast, then immediate

    def __init__(
        self,
        programs: PostgresPrograms,
        folder: Path,
        *,
        port: int | None = None,
        durable: bool = True,
        license: Literal["apache", "timescale"] | None = None,  # noqa: A002 its name there
        account: Account | None = None,
        throwaway: bool = False,
    ) -> None:
        """Describe the server; nothing happens before `start`.

        Args:
            programs: From `fetch.find_postgres`.
            folder: Kept between runs; created if absent.
            port: `None` takes a free one.
            durable: False gives up crash safety for speed, for tests.
            license: `timescaledb.license`; `None` leaves the package's own default.
            account: To run as; `None` is the present user, or root's usual choice.
            throwaway: Whether the supervisor removes the folder should we die.
        """
        super().__init__(folder, port=port, account=account, throwaway=throwaway)
        self._programs = programs
        self._password_file = self._folder / "postgres.password"
        self._durable = durable
        self._license = license
        self._password = ""

    @property
    def url(self) -> str:
        """Superuser's address of the database `jishi`."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Superuser's address of `database`."""
        return f"postgresql://{USER}:{quote(self._password)}@{HOST}:{self.port}/{quote(database)}"

    def _make_ready(self) -> None:
        self._password = self._read_or_make_password()
        if not (self._own / "PG_VERSION").exists():
            self._initialise()
        self._refuse_strangers()
        self._link_zones()
        write_private(self._own / "jishi.conf", self._configuration(), self._account)

    def _command(self, port: int) -> Sequence[str | Path]:
        return [self._programs.postgres, "-D", HERE, "-p", str(port)]

    def create_database(self, name: str | None = None) -> str:
        """Create a database with TimescaleDB in it; returns its address.

        Args:
            name: `None` makes up a new one.
        """
        name = name or f"jishi_{secrets.token_hex(6)}"
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        with psycopg.connect(self.url_of(name), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION timescaledb")
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, its connections with it."""
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(statement.format(sql.Identifier(name)))

    def _read_or_make_password(self) -> str:
        try:
            return self._password_file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            if (self._own / "PG_VERSION").exists():
                raise StackError(
                    f"{self._password_file} is gone, and the cluster beside it wants its password",
                    remedy=f"restore that file, or give up the data: rm -r {self._own}",
                ) from None
        password = secrets.token_urlsafe(32)
        write_private(self._password_file, password + "\n")
        return password

    def _initialise(self) -> None:
        """Run initdb in a folder aside, so that a crash leaves no half cluster."""
        unfinished = self._folder / "postgres.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        make_private_dir(unfinished, self._account)
        # In memory, so that the account can read it wherever folders are closed to it.
        password = os.memfd_create("password")
        try:
            os.write(password, self._password.encode("ascii") + b"\n")
            os.fchmod(password, 0o400)
            if os.geteuid() == 0:
                os.fchown(password, self._account.uid, self._account.gid)
            command: list[str | Path] = [
                self._programs.initdb,
                f"--pgdata={HERE}",
                f"--username={USER}",
                f"--pwfile=/proc/self/fd/{password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--no-locale",
                # Built in: letters beyond ASCII have case, and sort the same everywhere.
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--no-instructions",
            ]
            if self._throwaway or not self._durable:
                command.append("--no-sync")
            status = self._run(command, unfinished, keep=[password]).run_to_end()
        finally:
            os.close(password)
        if status != 0:
            raise StackError(
                f"initdb failed (status {status}):\n{tail(self._log)}",
                remedy=f"read {self._log}; is there room? df -h {self._folder}",
            )
        with (unfinished / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\n# Written anew at each start; what stands below it wins.\n")
            file.write("include 'jishi.conf'\n")
        unfinished.rename(self._own)

    def _refuse_strangers(self) -> None:
        """Check that the cluster is ours, and that nobody started a server on it by hand."""
        owner = self._own.stat().st_uid
        if owner != self._account.uid:
            raise StackError(
                f"{self._own} belongs to user {owner}, and PostgreSQL would run as "
                f"{self._account.name} ({self._account.uid})",
                remedy="run as the user who created it, or choose another --data-dir",
            )
        pid_file = self._own / "postmaster.pid"
        try:
            pid = pid_file.read_text(encoding="ascii", errors="replace").split("\n", 1)[0].strip()
            # Its working directory tells a living server from another process that got the
            # number of a dead one.
            theirs = os.stat(f"/proc/{pid}/cwd")
        except OSError:
            theirs = None
        if theirs is not None and os.path.samestat(theirs, self._own.stat()):
            raise InUseError(
                f"{self._own} is served by process {pid}, which was not started by us",
                remedy=f"stop it: kill -INT {pid}",
            )
        pid_file.unlink(missing_ok=True)

    def _link_zones(self) -> None:
        """Where programs that were fetched to a system without time zones look for them."""
        zones, link = self._programs.bin.parents[3] / "share/zoneinfo", self._own / "zone"
        if self._programs.origin == "fetched" and not (Path(SYSTEM_ZONES) / "UTC").exists():
            link.unlink(missing_ok=True)
            link.symlink_to(zones)

    def _configuration(self) -> str:
        memory = memory_bytes() >> 20  # MiB
        cores = len(os.sched_getaffinity(0))
        values: dict[str, str | int] = {
            "listen_addresses": HOST,
            "unix_socket_directories": "",
            "password_encryption": "scram-sha-256",
            "max_connections": 100,
            "shared_preload_libraries": "timescaledb",
            "timescaledb.telemetry_level": "off",
            "timescaledb.max_background_workers": 8,  # one a database at rest
            "max_worker_processes": 8 + cores + 6,
            "max_parallel_workers": cores,
            "max_parallel_workers_per_gather": min(cores, 4),
            "max_locks_per_transaction": 256,  # a query over a year locks each chunk it meets
            "jit": "off",  # costs more than it saves below seconds; and it is not unpacked
            "shared_buffers": f"{min(1024, max(128, memory // 8))}MB",
            "effective_cache_size": f"{max(512, memory // 2)}MB",
            "work_mem": "32MB",
            "maintenance_work_mem": "256MB",
            "random_page_cost": "1.1",
            "effective_io_concurrency": 200,
            "min_wal_size": "256MB",
            "max_wal_size": "4GB",
            "checkpoint_timeout": "15min",
            "checkpoint_completion_target": "0.9",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_destination": "stderr",
            "logging_collector": "off",
            "log_line_prefix": "%m [%p] %q%a@%d ",
        }
        if _room_in(Path("/dev/shm")) < SHARED_MEMORY:  # noqa: S108 only measured
            # Containers get 64 MB there, and queries in parallel would fail for want of room.
            values["dynamic_shared_memory_type"] = "mmap"
        safe = "on" if self._durable else "off"
        values |= {"fsync": safe, "synchronous_commit": safe, "full_page_writes": safe}
        if self._license is not None:
            values["timescaledb.license"] = self._license
        lines = (f"{name} = '{value}'" for name, value in values.items())
        return "# Written by stack/postgres.py at each start.\n" + "\n".join(lines) + "\n"

    def _files(self) -> list[Path]:
        return [self._log, self._password_file]

    def _answers(self) -> bool:
        # It says so itself: a connection attempt could meet another program on the port.
        try:
            text = (self._own / "postmaster.pid").read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            return False
        lines = text.splitlines()
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def _once_up(self) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            found = connection.execute(
                "SELECT FROM pg_database WHERE datname = %s", [DATABASE]
            ).fetchone()
            if found is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        with psycopg.connect(self.url, autocommit=True) as connection:
            installed = connection.execute(
                "SELECT installed_version, default_version FROM pg_available_extensions"
                " WHERE name = 'timescaledb'"
            ).fetchone()
            if installed is None or installed[0] is None:
                connection.execute("CREATE EXTENSION timescaledb")
        if installed is not None and installed[0] is not None and installed[0] != installed[1]:
            # The programs are newer than the data; this must be a session's first statement.
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute("ALTER EXTENSION timescaledb UPDATE")


def _room_in(folder: Path) -> int:
    try:
        info = os.statvfs(folder)
    except OSError:
        return 0
    return info.f_bavail * info.f_frsize
