"""``jishi dead-letters`` against the served API's database, and what all commands share."""

import hashlib
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from cli.dead_letters import app
from store import dead_letters

runner = CliRunner()


@pytest.fixture
def url(api_database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("JISHI_DATABASE_URL", api_database)
    return api_database


def letters(url: str, gateway: str, many: int) -> list[int]:
    """Records dead letters of a gateway; their ids."""
    payload = b"{"
    with psycopg.connect(url) as connection:
        return [
            row[0]
            for row in connection.execute(
                "INSERT INTO dead_letter (digest, reason, gateway_id, topic, received_at, live,"
                " payload, payload_bytes, payload_sha256)"
                " SELECT sha256((%(g)s || n)::bytea), 'malformed', %(g)s, 't', now(), true,"
                " %(p)s, 1, %(h)s FROM generate_series(1, %(many)s) n RETURNING dead_letter_id",
                {"g": gateway, "p": payload, "h": hashlib.sha256(payload).digest(), "many": many},
            )
        ]


def entries(url: str, gateway: str, action: str) -> list[tuple[str, str, Any, Any]]:
    """The audit's entries about a gateway's dead letters: actor, object, before, after."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT actor, object_id, before, after FROM audit WHERE object_type = 'dead_letter'"
            " AND action = %s AND before ->> 'gateway_id' = %s ORDER BY audit_id",
            [action, gateway],
        ).fetchall()


def test_each_that_is_dropped_stays_in_the_audit(url: str, fresh: str) -> None:
    first, second, third = letters(url, fresh, 3)
    done = runner.invoke(app, ["drop", str(first), str(second)])
    assert done.exit_code == 0, done.output
    assert "2 dead letters dropped" in done.output
    found = entries(url, fresh, "drop")
    assert [entry[1] for entry in found] == [str(first), str(second)]
    for who, _, before, after in found:
        assert who.startswith("command line")
        assert before["reason"] == "malformed"
        assert before["payload_sha256"] == hashlib.sha256(b"{").hexdigest()
        assert after is None
    assert str(third) in runner.invoke(app, ["list", "--gateway", fresh]).output


def test_a_flood_is_dropped_with_one_entry(
    url: str, fresh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "TOLD_SINGLY", 4)
    ids = letters(url, fresh, 5)
    done = runner.invoke(app, ["drop", "--gateway", fresh])
    assert "5 dead letters dropped" in done.output
    ((_, what, before, _),) = entries(url, fresh, "drop")
    assert what == "many"
    assert before == {
        "reason": None,
        "gateway_id": fresh,
        "letters": 5,
        "first_id": min(ids),
        "last_id": max(ids),
    }
    assert "0 dead letters dropped" in runner.invoke(app, ["drop", "--gateway", fresh]).output
    assert len(entries(url, fresh, "drop")) == 1, "what changes nothing is no entry"


def test_a_replay_is_asked_for_under_the_caller_s_name(url: str, fresh: str) -> None:
    first, _ = letters(url, fresh, 2)
    done = runner.invoke(app, ["replay", str(first), "--gateway", fresh])
    assert "1 dead letters are to be replayed" in done.output
    ((who, _, before, after),) = entries(url, fresh, "replay")
    assert who.startswith("command line")
    assert before["letters"] == after["letters"] == 1


def test_a_password_among_the_arguments_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = runner.invoke(app, ["list", "--database-url", url])
    assert refused.exit_code == 2
    for word in ("list of processes", "JISHI_DATABASE_URL", "passfile"):
        assert word in refused.output
    assert url not in refused.output
    # The same from the environment, and one whose password lies in a file.
    assert runner.invoke(app, ["list"]).exit_code == 0
    parts = psycopg.conninfo.conninfo_to_dict(url)
    monkeypatch.setenv("PGPASSWORD", str(parts.pop("password")))
    plain = psycopg.conninfo.make_conninfo(**parts)
    shown = runner.invoke(app, ["list", "--database-url", plain])
    assert shown.exit_code == 0, shown.output
