import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from migrations import runner
from models.timestamp import EPOCH, MAX_US, MICROSECOND, MIN_US
from stack import LocalStack


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    with LocalStack(durable=False) as running:
        yield running


@pytest.fixture
def url(stack: LocalStack) -> Iterator[str]:
    assert stack.postgres is not None
    made = stack.postgres.create_database()
    yield made
    stack.postgres.drop_database(made.rsplit("/", 1)[1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "incremental").mkdir()
    (tmp_path / "idempotent").mkdir()
    (tmp_path / "incremental" / "0001_a.sql").write_text("CREATE TABLE a (x int);")
    (tmp_path / "idempotent" / "0001_v.sql").write_text(
        "CREATE OR REPLACE VIEW v AS SELECT 1 AS x;"
    )
    return tmp_path


def test_schema_is_made_once_and_has_its_hypertables(url: str) -> None:
    assert runner.migrate(url) == [m.name for m in runner.load() if not m.community_only]
    assert runner.migrate(url) == []
    assert {s.state for s in runner.status(url)} <= {"applied", "skipped"}
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT hypertable_name FROM timescaledb_information.hypertables ORDER BY 1"
        ).fetchall()
    assert [name for (name,) in rows] == ["heartbeat", "segment"]


def test_times_of_microseconds_are_exact(url: str) -> None:
    runner.migrate(url)
    edges = [MIN_US, -(1 << 53) - 1, -86_400_000_001, -1, 0, 1, (1 << 53) + 1, MAX_US]
    asked = edges + [us + 1 for us in edges[:-1]]
    with psycopg.connect(url) as conn:
        conn.execute("SET TimeZone = 'UTC'")
        rows = conn.execute(
            "SELECT from_us(us) FROM unnest(%s::bigint[]) WITH ORDINALITY AS t (us, n) ORDER BY n",
            [asked],
        ).fetchall()
    assert [at for (at,) in rows] == [EPOCH + us * MICROSECOND for us in asked]


def test_dry_run_changes_nothing(url: str, folder: Path) -> None:
    assert runner.migrate(url, dry_run=True, folder=folder) == [
        "incremental/0001_a.sql",
        "idempotent/0001_v.sql",
    ]
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regclass('a'), to_regclass('schema_migration')") \
            .fetchone() == (None, None)  # fmt: skip


def test_edited_file_is_refused_and_named(url: str, folder: Path) -> None:
    runner.migrate(url, folder=folder)
    (folder / "incremental" / "0001_a.sql").write_text("CREATE TABLE a (x bigint);")
    with pytest.raises(runner.MigrationError, match=r"0001_a\.sql was edited"):
        runner.migrate(url, folder=folder)


def test_applied_file_that_is_gone_is_refused(url: str, folder: Path) -> None:
    runner.migrate(url, folder=folder)
    (folder / "incremental" / "0001_a.sql").unlink()
    with pytest.raises(runner.MigrationError, match=r"0001_a\.sql was applied .* not in this"):
        runner.migrate(url, folder=folder)


def test_repeatable_file_runs_again_when_its_text_changes(url: str, folder: Path) -> None:
    runner.migrate(url, folder=folder)
    (folder / "idempotent" / "0001_v.sql").write_text("CREATE OR REPLACE VIEW v AS SELECT 2 AS x;")
    assert runner.migrate(url, folder=folder) == ["idempotent/0001_v.sql"]
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT x FROM v").fetchone() == (2,)


def test_failing_file_leaves_nothing_of_itself(url: str, folder: Path) -> None:
    (folder / "incremental" / "0002_b.sql").write_text("CREATE TABLE b (x int); SELECT 1/0;")
    with pytest.raises(runner.MigrationError, match=r"0002_b\.sql failed: division by zero"):
        runner.migrate(url, folder=folder)
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT to_regclass('a')::text, to_regclass('b')").fetchone()
    assert row == ("a", None)


def test_statements_run_one_at_a_time_where_there_is_no_transaction(url: str, folder: Path) -> None:
    # CREATE INDEX CONCURRENTLY refuses any transaction, an implicit one of several statements too.
    (folder / "incremental" / "0002_i.sql").write_text(
        "-- no-transaction\nCREATE INDEX CONCURRENTLY a_x ON a (x);\nCOMMENT ON TABLE a IS 'b;c';"
    )
    runner.migrate(url, folder=folder)
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT to_regclass('a_x')::text, obj_description('a'::regclass)"
        ).fetchone()
    assert row == ("a_x", "b;c")


def test_community_file_waits_for_its_edition(url: str, folder: Path) -> None:
    (folder / "incremental" / "0002_c.sql").write_text(
        "-- requires: community\nSELECT no_such_function();"
    )
    assert "incremental/0002_c.sql" not in runner.migrate(url, folder=folder)


def test_two_runners_at_once_apply_each_file_once(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    shutil.copytree(runner.FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    results: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: results.append(runner.migrate(url, folder=folder)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(names) for names in results)[:2] == [0, 0]
    assert len(results) == 3


def test_losers_that_win_by_their_own_interval_are_put_to_the_ingest_again(
    url: str, tmp_path: Path
) -> None:
    shutil.copytree(runner.FOLDER, tmp_path, dirs_exist_ok=True)
    last = tmp_path / "incremental" / "0011_replay_conflicts.sql"
    text = last.read_text()
    last.unlink()
    runner.migrate(url, folder=tmp_path)
    at = "2026-03-01T00:00:00.000000Z"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO instrument (instrument_id, changed_revision) VALUES ('a', 1)"
        )
        connection.execute(
            "INSERT INTO heartbeat (instrument_key, flags, state, ts, received_at, gateway_key,"
            " interval_s) SELECT instrument_key, 1, 2, %s, %s, 1, 300 FROM instrument",
            [at, at],
        )
        for more in (
            ',"state":"running"',  # of no interval, which goes first
            ',"interval_s":59.5,"state":"running"',
            ',"interval_s":300,"seq":1,"state":"running"',
            ',"interval_s":301,"state":"running"',
            ',"interval_s":1,"state":"idle"',
            ',"boot_id":"\\"interval_s\\":1","interval_s":301,"state":"running"',
        ):
            payload = f'{{"instrument_id":"a"{more},"ts":"{at}"}}'.encode()
            connection.execute(
                "INSERT INTO dead_letter (digest, reason, gateway_id, topic, instrument_id, ts,"
                " received_at, live, payload, payload_bytes, payload_sha256) VALUES"
                " (%(p)s, 'conflict', 'g', 't', 'a', %(at)s, now(), true, %(p)s, %(n)s, %(p)s)",
                {"p": payload, "at": at, "n": len(payload)},
            )
        last.write_text(text)
        assert runner.migrate(url, folder=tmp_path) == ["incremental/0011_replay_conflicts.sql"]
        rows = connection.execute(
            "SELECT dead_letter_id FROM dead_letter WHERE replay_requested_at IS NOT NULL"
            " ORDER BY 1"
        ).fetchall()
        assert [number for (number,) in rows] == [1, 2]
        told = connection.execute("SELECT after ->> 'letters' FROM audit").fetchall()
        assert told == [("2",)]


def test_an_absence_that_lasts_goes_on_from_one_word(url: str, tmp_path: Path) -> None:
    """Gateways that were off, and on, before words were kept (0013)."""
    old = tmp_path / "before"
    shutil.copytree(runner.FOLDER / "incremental", old / "incremental")
    (old / "idempotent").mkdir()
    for path in (old / "incremental").glob("*.sql"):
        if path.name >= "0013":
            path.unlink()
    runner.migrate(url, folder=old)
    with psycopg.connect(url, autocommit=True, options="-c TimeZone=UTC") as connection:
        connection.execute(
            "INSERT INTO gateway (gateway_id, changed_revision)"
            " VALUES ('off', 1), ('on', 1), ('new', 1)"
        )
        connection.execute(
            "INSERT INTO gateway_status (gateway_key, online, mqtt_session, since, last_status_at,"
            " by_will) VALUES (1, false, 'a', '2026-03-02 10:00', '2026-03-02 10:05', true),"
            " (2, true, 'b', '2026-03-02 08:00', '2026-03-02 08:00', false),"
            " (3, NULL, NULL, NULL, NULL, false)"
        )
        connection.execute(
            "INSERT INTO gateway_offline VALUES (1, '2026-03-01', '2026-03-01 05:00'),"
            " (1, '2026-03-02 10:00', NULL), (2, '2026-03-02 07:00', '2026-03-02 08:00')"
        )
    runner.migrate(url)
    with psycopg.connect(url, options="-c TimeZone=UTC") as connection:
        words = connection.execute(
            "SELECT gateway_key, online, mqtt_session, will, ts::text, begins FROM gateway_word"
            " ORDER BY 1"
        ).fetchall()
        lasting = connection.execute(
            "SELECT o.gateway_key, o.place = w.place FROM gateway_offline o"
            " JOIN gateway_word w USING (gateway_key) WHERE o.ends_at IS NULL"
        ).fetchall()
        ended = connection.execute(
            "SELECT count(*) FROM gateway_offline o JOIN gateway_word w USING (gateway_key)"
            " WHERE o.ends_at IS NOT NULL AND o.place < w.place"
        ).fetchall()
    assert words == [
        (1, False, "a", True, "2026-03-02 10:00:00+00", True),
        (2, True, "b", False, "2026-03-02 08:00:00+00", True),
    ]
    assert (lasting, ended) == ([(1, True)], [(2,)])
