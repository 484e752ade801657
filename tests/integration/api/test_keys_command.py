"""``jishi keys`` against the served API's database."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from cli.keys import app

runner = CliRunner()
ClientOf = Callable[[str | None], httpx.Client]


@pytest.fixture
def url(api_database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("JISHI_DATABASE_URL", api_database)
    return api_database


def test_a_key_from_its_making_to_its_end(url: str, client_of: ClientOf, fresh: str) -> None:
    made = runner.invoke(app, ["create", "--scope", "read", "--name", fresh, "--expires-in", "1d"])
    assert made.exit_code == 0, made.output
    key = made.stdout.strip()
    assert re.fullmatch(r"jishi_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", key)
    with client_of(key) as client:
        assert client.get("/v1/institutions").status_code == 200
        assert client.get("/v1/keys").status_code == 403
        listed = runner.invoke(app, ["list"]).stdout
        (line,) = [one for one in listed.splitlines() if fresh in one]
        assert "works" in line
        assert key not in listed

        gone = runner.invoke(app, ["revoke", key.split("_")[1]])
        assert gone.exit_code == 0, gone.output
        assert client.get("/v1/institutions").status_code == 401
    assert fresh not in runner.invoke(app, ["list"]).stdout
    assert "revoked" in runner.invoke(app, ["list", "--all"]).stdout


def test_into_a_file_for_its_owner_alone(
    url: str, client_of: ClientOf, place: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "key"
    arguments = ["--institution", place["institution_id"], "--to", str(path)]
    made = runner.invoke(app, ["create", *arguments])
    assert made.exit_code == 0, made.output
    assert path.stat().st_mode & 0o077 == 0
    key = path.read_text().strip()
    assert key not in made.output
    with client_of(key) as client:
        (own,) = client.get("/v1/institutions").json()["items"]
        assert own["institution_id"] == place["institution_id"]


def test_a_key_is_rotated(url: str, client_of: ClientOf, fresh: str, tmp_path: Path) -> None:
    key = runner.invoke(app, ["create", "--name", fresh]).stdout.strip()
    path = tmp_path / "key"
    asked = ["rotate", key.split("_")[1], "--overlap", "1h", "--to", str(path)]
    made = runner.invoke(app, asked)
    assert made.exit_code == 0, made.output
    assert "works until" in made.output
    for one in (key, path.read_text().strip()):
        with client_of(one) as client:
            assert client.get("/v1/institutions").status_code == 200
    again = runner.invoke(app, ["rotate", key.split("_")[1]])
    assert "is revoked" in again.output
    with client_of(key) as client:
        assert client.get("/v1/institutions").status_code == 401
    ended = runner.invoke(app, asked)
    assert (ended.exit_code, "is revoked: make a new one" in ended.output) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["create", "--scope", "root"], "must be some of read", id="scope"),
        pytest.param(["create", "--institution", "nowhere"], "no institution", id="institution"),
        pytest.param(["create", "--expires-in", "soon"], "--expires-in", id="duration"),
        pytest.param(["revoke", "000000000000"], "there is no key", id="unknown"),
        pytest.param(["rotate", "000000000000"], "there is no key", id="rotate unknown"),
        pytest.param(["rotate", "0", "--overlap", "60d"], "0 to 30 days", id="long overlap"),
    ],
)
def test_what_is_refused(url: str, arguments: list[str], says: str) -> None:
    done = runner.invoke(app, arguments)
    assert done.exit_code != 0
    assert says in done.output
