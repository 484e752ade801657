"""A real PostgreSQL with TimescaleDB, from creating its cluster to its end."""

import itertools
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import stack.postgres
import stack.server
from stack import InUseError, Postgres, Programs, StackError
from stack.account import server_account
from stack.lifecycle import HOST, Lock, Order, ServerProcess, ports


def one(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def test_hypertables_work(postgres: Postgres) -> None:
    url = postgres.create_database()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE t (at timestamptz NOT NULL, v int)")
        connection.execute("SELECT create_hypertable('t', by_range('at', interval '1 day'))")
        connection.execute("INSERT INTO t VALUES ('2026-01-01Z', 1), ('2026-01-03Z', 2)")
    assert one(url, "SELECT count(*) FROM show_chunks('t')") == 2


def test_the_licence_decides_about_policies(postgres: Postgres) -> None:
    url = postgres.create_database()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE t (at timestamptz NOT NULL)")
        connection.execute("SELECT create_hypertable('t', by_range('at'))")
    policy = "SELECT add_retention_policy('t', interval '1 day')"
    if one(url, "SHOW timescaledb.license") == "timescale":
        one(url, policy)
    else:
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            one(url, policy)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("password_encryption", "scram-sha-256"),
        ("timescaledb.telemetry_level", "off"),
        ("TimeZone", "UTC"),
        ("server_encoding", "UTF8"),
        ("fsync", "off"),
        ("jit", "off"),
    ],
)
def test_settings(postgres: Postgres, setting: str, value: str) -> None:
    assert one(postgres.url, f'SHOW "{setting}"') == value


def test_time_zones_and_letters_beyond_ascii(postgres: Postgres) -> None:
    zoned = "SELECT (timestamptz '2026-07-01 00:00Z' AT TIME ZONE 'Asia/Shanghai')::text"
    assert one(postgres.url, zoned) == "2026-07-01 08:00:00"
    assert one(postgres.url, "SELECT upper('é机')") == "É机"


def test_nobody_enters_without_the_password(postgres: Postgres) -> None:
    for password in ("", "wrong"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(
                host=HOST, port=postgres.port, user="jishi", dbname="jishi", password=password
            )


def test_secrets_are_their_owners_alone(postgres: Postgres) -> None:
    folder = postgres.log.parent
    for name in ("postgres.password", "postgres.log", "postgres.lock"):
        assert (folder / name).stat().st_mode & 0o077 == 0
    assert postgres.data_directory.stat().st_mode & 0o077 == 0
    secret = (folder / "postgres.password").read_text().strip()
    assert secret in postgres.url
    assert secret not in Path(f"/proc/{postgres.pid}/cmdline").read_text()


def test_databases_come_and_go(postgres: Postgres) -> None:
    url = postgres.create_database("passing")
    assert one(url, "SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'") == 1
    with psycopg.connect(url):  # an open connection does not keep it
        postgres.drop_database("passing")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_committed_data_survive_stop_and_kill(programs: Programs, tmp_path: Path) -> None:
    server = Postgres(programs.postgres, tmp_path / "kept")
    with server:
        port, url = server.port, server.url
        assert one(url, "SHOW fsync") == "on"
        assert one(url, "SHOW synchronous_commit") == "on"
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE t AS SELECT 1 AS v")
        server.kill()
        assert not server.running()
        server.start()
        assert (server.port, server.url) == (port, url)
        assert one(url, "SELECT v FROM t") == 1
        server.restart()
        assert one(url, "SELECT v FROM t") == 1
    again = Postgres(programs.postgres, tmp_path / "kept")
    with again:
        assert one(again.url, "SELECT v FROM t") == 1
        # What a machine's crash leaves: a pid file, whose number may belong to anyone by now.
        again.kill()
        (again.data_directory / "postmaster.pid").write_text(f"{os.getpid()}\n")
        again.start()
        assert one(again.url, "SELECT v FROM t") == 1
    assert not (tmp_path / "kept/postgres.lock").exists()
    assert not (tmp_path / "kept/postgres/postmaster.pid").exists()


def test_a_cluster_served_by_someone_else_is_refused(programs: Programs, tmp_path: Path) -> None:
    server = Postgres(programs.postgres, tmp_path / "kept", durable=False)
    with server:
        pass
    other_lock = Lock(tmp_path / "other.lock")
    by_hand = ServerProcess(
        Order(
            command=[
                programs.postgres.postgres,
                "-D",
                stack.postgres.HERE,
                "-p",
                str(next(ports(None))),
            ],
            directory=server.data_directory,
            log=tmp_path / "by-hand.log",
            account=server_account(),
            stages=Postgres.STOPPING,
        ),
        other_lock,
    )
    try:
        while not (server.data_directory / "postmaster.pid").exists():
            assert by_hand.poll() is None, (tmp_path / "by-hand.log").read_text()
        with pytest.raises(InUseError, match=f"process {by_hand.pid}"):
            server.start()
    finally:
        by_hand.stop()
        other_lock.release()
    with server:
        assert server.running()


def test_a_taken_port_is_named(programs: Programs, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InUseError, match=f"{port} taken"):
            Postgres(programs.postgres, tmp_path, port=port, durable=False).start()


def test_what_the_server_says_of_its_failure_is_quoted(programs: Programs, tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"(?s)did not start.*valid range"):
        Postgres(programs.postgres, tmp_path, port=70_000, durable=False).start()
    assert not (tmp_path / "postgres.lock").exists()


def test_a_free_port_that_is_lost_meanwhile_is_passed_over(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()

        def lost_first(wanted: int | None) -> Iterator[int]:
            return itertools.chain([taken.getsockname()[1]], ports(wanted))

        monkeypatch.setattr(stack.server, "ports", lost_first)
        with Postgres(programs.postgres, tmp_path, durable=False) as server:
            assert server.port != taken.getsockname()[1]
            assert one(server.url, "SELECT 1") == 1


def test_it_runs_unprivileged(postgres: Postgres) -> None:
    owner = subprocess.run(
        ["ps", "-o", "uid=", "-p", str(postgres.pid)], capture_output=True, text=True, check=True
    )
    assert int(owner.stdout) == server_account().uid != 0
