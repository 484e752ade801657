"""The drill: back up, restore into a cluster that knows nothing of us, and get equal answers."""

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from cli.roles import ROLES, with_login
from migrations.runner import migrate
from stack import Postgres
from stack import Settings as StackSettings
from stack.fetch import find_postgres
from tests.integration.api.figures.world import World, at, every
from tests.small_city import WINDOW, answers, build


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    programs = find_postgres(StackSettings.from_environ(os.environ))
    with Postgres(programs, tmp_path_factory.mktemp("city"), durable=False) as server:
        yield server


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A cluster that knows neither our roles nor our database."""
    programs = find_postgres(StackSettings.from_environ(os.environ))
    with Postgres(programs, tmp_path_factory.mktemp("elsewhere"), durable=False) as server:
        yield server


@pytest.fixture(scope="module")
def passwords(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("passwords")
    for role in ROLES:
        (folder / role).write_text(f"a-password-of-{role}\n")
    return folder


@pytest.fixture(scope="module")
def city(cluster: Postgres) -> tuple[str, str]:
    """A small city's database, and a key to it."""
    url = cluster.create_database("city")
    migrate(url)
    return url, build(url)


def jishi(url: str, *arguments: str | Path) -> Result:
    result = CliRunner().invoke(
        app, list(map(str, arguments)), env={"JISHI_DATABASE_URL": url, "COLUMNS": "200"}
    )
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


def refused(result: Result) -> str:
    assert result.exit_code == 1, result.output
    return result.output


@pytest.fixture(scope="module")
def taken(city: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup as a folder, and its neighbour `city.tar` as a file."""
    folder = tmp_path_factory.mktemp("backups")
    done(jishi(city[0], "backup", folder / "city"))
    done(jishi(city[0], "backup", folder / "city.tar"))
    return folder / "city"


def test_what_is_restored_answers_the_same(
    city: tuple[str, str], taken: Path, elsewhere: Postgres, passwords: Path
) -> None:
    url, key = city
    target = elsewhere.url_of("restored")
    assert "jishi migrate" in done(jishi(target, "restore", taken.with_name("city.tar")))
    assert "up to date" in done(jishi(target, "migrate"))
    done(jishi(target, "roles", "--passwords", passwords))
    secret = (passwords / "jishi_api").read_text().strip()
    was, became = answers(url, key), answers(with_login(target, "jishi_api", secret), key)
    overall = was["utilization " + str(sorted((WINDOW | {"group_by": "institution"}).items()))]
    assert overall["overall"]["running_s"] > 7_000
    assert was["dead-letters []"]["items"]
    assert was["maintenance []"]["items"]
    for question, answer in was.items():
        assert became[question] == answer, question
    # It goes on: late heartbeats heal, retention's lent right and new rows work as before.
    with psycopg.connect(target, autocommit=True, options="-c TimeZone=UTC") as conn:
        World(conn).feed("sem", every(at("2026-03-02T08:00"), at("2026-03-02T09:00"), "running"))
        conn.execute("SELECT drop_heartbeat_chunks('2026-01-01')")


def test_it_holds_no_password_and_is_its_owners_alone(city: tuple[str, str], taken: Path) -> None:
    assert taken.stat().st_mode & 0o077 == 0
    assert taken.with_name("city.tar").stat().st_mode & 0o077 == 0
    manifest = (taken / "manifest.json").read_text()
    assert set(json.loads(manifest)["roles"]) >= set(ROLES)
    secret = city[1].split("_", 2)[2]  # which may have such strokes of its own
    assert secret not in manifest
    assert "SCRAM" not in manifest
    assert [path.name for path in taken.parent.iterdir() if "partial" in path.name] == []


def test_a_place_that_is_taken_is_refused(
    city: tuple[str, str], taken: Path, elsewhere: Postgres
) -> None:
    assert "exists" in refused(jishi(city[0], "backup", taken))
    assert "not empty" in refused(jishi(city[0], "restore", taken))


@pytest.fixture
def copy(taken: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(taken, tmp_path / "copy"))


def changed(folder: Path, **fields: Any) -> Path:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    return folder


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        pytest.param({"format": 2, "jishi": "9.0"}, "with Jishi 9.0", id="a newer form"),
        pytest.param(
            {"jishi": "9.0", "migrations": {"incremental/9999_x.sql": ""}},
            "Jishi 9.0, whose migrations",
            id="a newer schema",
        ),
        pytest.param({"postgresql": "99.1"}, "PostgreSQL 99.1", id="a newer PostgreSQL"),
        pytest.param({"timescaledb": "9.9.9"}, "TimescaleDB 9.9.9", id="another TimescaleDB"),
        pytest.param({"compressed_chunks": 3}, "3 compressed chunks", id="another edition"),
        pytest.param({"rows": {"heartbeat": 7}}, "not 7", id="other rows"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(
    copy: Path, elsewhere: Postgres, fields: dict[str, Any], told: str
) -> None:
    target = elsewhere.url_of("refused")
    assert told in refused(jishi(target, "restore", changed(copy, **fields)))
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(target)


def test_damage_is_named(copy: Path, elsewhere: Postgres) -> None:
    victim = max((copy / "database").iterdir(), key=lambda path: path.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    said = refused(jishi(elsewhere.url_of("refused"), "restore", copy))
    assert victim.name in said
    victim.unlink()
    assert victim.name in refused(jishi(elsewhere.url_of("refused"), "restore", copy))


def test_what_is_no_backup_is_told_so(elsewhere: Postgres, tmp_path: Path) -> None:
    target = elsewhere.url_of("refused")
    assert "manifest.json" in refused(jishi(target, "restore", tmp_path))
    (tmp_path / "x.tar").write_bytes(b"nothing")
    assert "no backup" in refused(jishi(target, "restore", tmp_path / "x.tar"))
    assert "no backup" in refused(jishi(target, "restore", tmp_path / "missing.tar"))


def test_a_database_without_jishi_is_not_backed_up(elsewhere: Postgres, tmp_path: Path) -> None:
    url = elsewhere.create_database("other")
    assert "no Jishi" in refused(jishi(url, "backup", tmp_path / "x"))
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_the_folder(taken: Path, tmp_path: Path) -> None:
    with tarfile.open(taken.with_name("city.tar")) as tar:
        assert tar.getnames()[0] == "manifest.json"
        tar.extractall(tmp_path, filter="data")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["rows"] == json.loads((taken / "manifest.json").read_text())["rows"]
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
