"""What a restore may leave: roles and rights that are gone, and a schema of which parts are."""

import os
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner

from cli.main import app
from cli.roles import ROLES, let_in
from migrations import runner
from stack import Postgres, Settings
from stack.fetch import find_postgres
from store.run import run
from store.schema import missing_rights


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    programs = find_postgres(Settings.from_environ(os.environ))
    with Postgres(programs, tmp_path_factory.mktemp("whole"), durable=False) as running:
        yield running


@pytest.fixture
def url(server: Postgres) -> Iterator[str]:
    made = server.create_database()
    runner.migrate(made)
    yield made
    server.drop_database(made.rsplit("/", 1)[1])


def migrate(url: str) -> str:
    result = CliRunner().invoke(app, ["migrate"], env={"JISHI_DATABASE_URL": url})
    assert result.exit_code == 0, result.output
    return result.output


def refused(url: str) -> str:
    result = CliRunner().invoke(app, ["migrate"], env={"JISHI_DATABASE_URL": url})
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    return result.output


def test_roles_that_are_gone_are_made_again_with_their_rights(url: str) -> None:
    passwords = {role: f"a-password-of-{role}" for role in ROLES}
    with psycopg.connect(url, autocommit=True) as connection:
        for role in ROLES:
            connection.execute(sql.SQL("DROP OWNED BY {0}").format(sql.Identifier(role)))
            connection.execute(sql.SQL("DROP ROLE {0}").format(sql.Identifier(role)))
        assert {right.role for right in run(connection, missing_rights())} == set(ROLES)
        assert "idempotent/0009_roles.sql" in migrate(url)
        assert run(connection, missing_rights()) == []
        granted = connection.execute(
            "SELECT has_function_privilege('jishi_write', 'standby_positions()', 'EXECUTE')"
        )
        assert granted.fetchone() == (True,), "rights that other files give come back as well"
    let_in(url, passwords)
    assert "up to date" in migrate(url)


@pytest.mark.parametrize(
    ("statement", "role"),
    [
        ("REVOKE INSERT ON heartbeat FROM jishi_write", "jishi_write"),
        ("REVOKE UPDATE (last_used_at) ON api_key FROM jishi_api", "jishi_api"),
        (
            "REVOKE EXECUTE ON FUNCTION drop_heartbeat_chunks(timestamptz) FROM jishi_write",
            "jishi_write",
        ),
    ],
    ids=["a table's", "a column's", "a function's"],
)
def test_a_right_that_is_gone_is_given_again(url: str, statement: str, role: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
        assert [right.role for right in run(connection, missing_rights())] == [role]
        migrate(url)
        assert run(connection, missing_rights()) == []


@pytest.mark.parametrize(
    ("statement", "missing"),
    [
        ("DROP TABLE gateway_word", "table gateway_word"),
        ("DROP FUNCTION grant_rights", "function grant_rights()"),
        ("ALTER TABLE rollup_total DROP CONSTRAINT rollup_total_pkey", "rollup_total_pkey"),
        ("DO $$ DECLARE t record; BEGIN SELECT tgname, tgrelid::regclass AS r INTO t FROM"
         " pg_trigger WHERE NOT tgisinternal AND tgrelid = 'rollup_day'::regclass LIMIT 1;"
         " EXECUTE format('DROP TRIGGER %I ON %s', t.tgname, t.r); END $$", "trigger "),
        ("DELETE FROM schema_object", "rows of schema_object"),
        ("DROP TABLE schema_object", "table schema_object"),
        ("DROP TABLE schema_migration", "no record of migrations"),
    ],
    ids=["table", "function", "key", "trigger", "no rows of the record", "no record", "no history"],
)  # fmt: skip
def test_a_schema_that_is_not_whole_is_refused(url: str, statement: str, missing: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
    said = refused(url)
    assert missing in said
    assert "jishi restore" in said


def test_what_an_operator_adds_and_takes_away_is_not_missed(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE INDEX of_ours ON audit (actor)")
        assert "up to date" in migrate(url)
        connection.execute("DROP INDEX of_ours")
    assert "up to date" in migrate(url)


def test_a_database_without_timescaledb_is_refused(server: Postgres, url: str) -> None:
    with psycopg.connect(server.url_of("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE bare")
    assert "CREATE EXTENSION timescaledb" in refused(server.url_of("bare"))
