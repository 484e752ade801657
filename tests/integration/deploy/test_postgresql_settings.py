"""The server's settings as shipped, taken by a real server; and what doctor says without them."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from cli.doctor_server import NEEDED, missing_settings
from cli.main import app
from stack import Postgres, Settings
from stack.fetch import PostgresPrograms, find_postgres

SHIPPED = Path(__file__).parents[3] / "deploy/postgresql/jishi.conf"


class Configured(Postgres):
    """A server that is told where it listens, and for all else what the test says."""

    settings = ""

    def _configuration(self) -> str:
        own = [
            line
            for line in super()._configuration().splitlines()
            if line.startswith(("listen_addresses", "unix_socket", "dynamic_shared", "password_"))
        ]
        return "\n".join([*own, self.settings, ""])


@pytest.fixture(scope="module")
def programs() -> PostgresPrograms:
    return find_postgres(Settings.from_environ(os.environ))


@contextmanager
def server(programs: PostgresPrograms, folder: Path, settings: str) -> Iterator[Postgres]:
    configured = Configured(programs, folder)
    configured.settings = settings
    with configured:
        yield configured
    shutil.rmtree(folder, ignore_errors=True)


def test_a_server_takes_the_shipped_settings_and_doctor_misses_none(
    programs: PostgresPrograms, tmp_path: Path
) -> None:
    with (
        server(programs, tmp_path / "pg", SHIPPED.read_text("utf-8")) as postgres,
        psycopg.connect(postgres.url) as connection,
    ):
        refused = "SELECT name, error FROM pg_file_settings WHERE error IS NOT NULL"
        assert connection.execute(refused).fetchall() == []
        assert missing_settings(connection) == []
        # Each is needed: said of the shipped value's opposite, and in the file.
        for name in NEEDED:
            assert f"\n{name} = " in SHIPPED.read_text("utf-8")


def test_doctor_names_what_a_server_lacks_and_the_file_that_has_it(
    programs: PostgresPrograms, tmp_path: Path
) -> None:
    # TimescaleDB must be there for the extension; the rest are PostgreSQL's own defaults, or worse.
    wrong = "shared_preload_libraries = 'timescaledb'\nfsync = off\nsynchronous_commit = off\n"
    with server(programs, tmp_path / "pg", wrong) as postgres:
        done = CliRunner().invoke(
            app, ["doctor"], env={"JISHI_DATABASE_URL": postgres.url, "COLUMNS": "10000"}
        )
        with psycopg.connect(postgres.url) as connection:
            missing = missing_settings(connection)
    assert done.exit_code == 1
    assert [line.split()[0] for line in missing] == [
        "max_locks_per_transaction",
        "jit",
        "fsync",
        "synchronous_commit",
    ]
    for line in missing:
        assert line in done.output
        assert "see deploy/postgresql/jishi.conf" in line


@pytest.mark.parametrize(
    ("value", "holds"),
    [("", False), ("pg_stat_statements", False), ("timescaledb, auto_explain", True)],
)
def test_whether_timescaledb_is_loaded_at_the_start(value: str, holds: bool) -> None:
    assert NEEDED["shared_preload_libraries"].holds(value) == holds
