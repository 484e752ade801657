"""The drill: back up, restore into a cluster that knows nothing of us, and get equal answers."""

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from typer.testing import CliRunner, Result

from api.app import create_app
from api.settings import Settings
from cli.main import app
from cli.roles import ROLES, with_login
from migrations.runner import migrate
from stack import Postgres
from stack import Settings as StackSettings
from stack.fetch import find_postgres
from store.registry.keys import create_key
from store.run import run
from tests.integration.api.figures.world import World, at, every
from tests.integration.api.serving import serving

WINDOW = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-04T00:00:00Z"}
QUESTIONS: tuple[tuple[str, dict[str, str]], ...] = (
    ("utilization", WINDOW | {"group_by": "institution"}),
    ("utilization", WINDOW | {"group_by": "district", "bucket": "day"}),
    *((f"instruments/{name}/utilization", WINDOW | {"bucket": "hour"}) for name in ("sem", "nmr")),
    *((f"instruments/{name}/timeline", WINDOW) for name in ("sem", "nmr")),
    *((f"instruments/{name}/sessions", WINDOW) for name in ("sem", "nmr")),
    ("instruments/sem/heartbeats", WINDOW | {"limit": "1000"}),
    ("instruments/sem/explain", WINDOW),
    ("instruments", {}),
    ("instruments/sem/status", {}),
    ("status/summary", {"group_by": "institution"}),
    ("dead-letters", {}),
    ("dead-letters/reasons", {}),
    ("keys", {}),
    ("gateways", {}),
    ("maintenance", {}),
    ("audit", {}),
)
#: What tells when was asked, not what was found; and uses of keys, of which asking is one.
MOMENTARY = {"as_of", "last_used_at", "to", "window_s", "free_for_s"}


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
    with psycopg.connect(url, autocommit=True, options="-c TimeZone=UTC") as conn:
        world = World(conn)
        world.institution("inst")
        world.gateway("gw")
        begin = at("2026-03-01T08:00")
        for name in ("sem", "nmr"):
            world.instrument(name)
            rows = every(begin, begin + 3_600_000_000, "running")
            world.feed(name, [*rows, *every(begin + 7_200_000_000, begin + 9_000_000_000, "idle")])
        world.roll(at_day("2026-03-01"), at_day("2026-03-03"))
        world.maintenance("nmr", at("2026-03-01T09:00"), at("2026-03-01T10:00"))
        conn.execute(
            "INSERT INTO dead_letter (digest, reason, gateway_id, topic, received_at, live,"
            " payload, payload_bytes, payload_sha256) VALUES (%(p)s, 'malformed', 'gw',"
            " 'instruments/v1/gw/heartbeat', '2026-03-01', true, %(p)s, 1, %(p)s)",
            {"p": b"{"},
        )
        key = run(conn, create_key(scopes=["admin"], name="drill")).key
    with asking(url, key) as client:
        assert client.post("/v1/gateways/gw/credentials").status_code == 201
    return url, key


def at_day(text: str) -> Any:
    from datetime import date

    return date.fromisoformat(text)


class asking(httpx.Client):  # noqa: N801 - reads as what a test does
    """A client of the API over a database."""

    def __init__(self, url: str, key: str) -> None:
        self._serving = serving(create_app(Settings(database_url=url, pool_min_size=1)))
        super().__init__(
            base_url=self._serving.__enter__(),
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
        )

    def __exit__(self, *exc: Any) -> None:
        super().__exit__(*exc)
        self._serving.__exit__(*exc)


def answers(url: str, key: str) -> dict[str, Any]:
    with asking(url, key) as client:
        assert client.get("/readyz").json() == {"status": "ready"}
        found = {}
        for path, params in QUESTIONS:
            answer = client.get(f"/v1/{path}", params=params)
            assert answer.status_code == 200, f"{path}: {answer.text}"
            found[f"{path} {sorted(params.items())}"] = lasting(answer.json())
        return found


def lasting(answer: Any) -> Any:
    """An answer without what only tells when was asked."""
    if isinstance(answer, dict):
        return {k: lasting(v) for k, v in answer.items() if k not in MOMENTARY}
    return [lasting(one) for one in answer] if isinstance(answer, list) else answer


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
    assert city[1].rpartition("_")[2] not in manifest
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
