"""Every released schema, with data, is migrated by this version and answers as it did then."""

import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.version import version
from migrations import runner
from stack import Postgres, Settings
from stack.fetch import find_postgres
from tests.integration.api.figures.world import World, every
from tests.lacking import Part, lacking
from tests.live import DAY, MINUTE
from tests.small_city import answers

ROOT = Path(__file__).parents[3]
RELEASES = sorted((ROOT / "tests" / "upgrade").glob("*.tar"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    programs = find_postgres(Settings.from_environ(os.environ))
    with Postgres(programs, tmp_path_factory.mktemp("upgrade"), durable=False) as running:
        yield running


def jishi(url: str, *arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(map(str, arguments)), env={"JISHI_DATABASE_URL": url})
    assert "Traceback" not in result.output
    return result.exit_code, result.output


def restored(server: Postgres, kept: Path) -> str:
    with tarfile.open(kept) as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        wanted = json.load(manifest)["timescaledb"]
    with psycopg.connect(server.url_of("postgres")) as connection:
        there = connection.execute(
            "SELECT version FROM pg_available_extension_versions WHERE name = 'timescaledb'"
        ).fetchall()
    if (wanted,) not in there:
        lacking(Part.TIMESCALEDB_OF_THE_RELEASE, wanted)
    url = server.url_of(f"release_{kept.stem.replace('.', '_')}")
    status, said = jishi(url, "restore", kept)
    assert status == 0, said
    return url


def holds(now: Any, then: Any, where: str) -> None:
    """Whatever was answered then is answered now; more may be."""
    if isinstance(then, dict):
        for name, value in then.items():
            assert name in now, f"{where}.{name} is no longer answered"
            holds(now[name], value, f"{where}.{name}")
    elif isinstance(then, list):
        assert len(now) == len(then), where
        for number, (one, other) in enumerate(zip(now, then, strict=True)):
            holds(one, other, f"{where}[{number}]")
    else:
        assert now == then, where


@pytest.mark.parametrize("kept", RELEASES, ids=[path.stem for path in RELEASES])
def test_a_release_is_migrated_and_answers_the_same(server: Postgres, kept: Path) -> None:
    url = restored(server, kept)
    told = json.loads(kept.with_suffix(".json").read_text("utf-8"))
    status, said = jishi(url, "migrate", "--dry-run")
    assert (status, "would apply" in said) == (0, True)
    assert jishi(url, "migrate")[0] == 0
    assert "up to date" in jishi(url, "migrate")[1]
    holds(answers(url, told["key"]), told["answers"], kept.stem)
    # And what comes now is taken.
    with psycopg.connect(url, autocommit=True, options="-c TimeZone=UTC") as connection:
        World(connection).feed("sem", every(DAY, DAY + 10 * MINUTE, "running"))


def test_each_release_is_kept_and_dated() -> None:
    """The version that the project names is one, once its section of the changelog has a day."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    released = re.findall(r"^## (\d+\.\d+\.\d+) · \d{4}-\d\d-\d\d$", text, re.MULTILINE)
    assert released == re.findall(r"^## (\d[^ ]*)", text, re.MULTILINE), "each with its day"
    assert sorted(path.stem for path in RELEASES) == sorted(released)
    assert released[0] == version()
    assert jishi("", "--version")[1].strip() == f"jishi {version()}"


def test_older_code_refuses_a_newer_schema_and_says_what_to_run(
    server: Postgres, tmp_path: Path
) -> None:
    url = server.create_database()
    runner.migrate(url)
    older = tmp_path / "older"
    shutil.copytree(runner.FOLDER, older, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    newest = max((older / "incremental").glob("*.sql"))
    newest.unlink()
    with pytest.raises(runner.MigrationError, match=rf"{newest.name}.*run the version that"):
        runner.migrate(url, folder=older)


def test_newer_code_on_an_older_schema_says_what_to_run(server: Postgres) -> None:
    url = server.create_database()
    runner.migrate(url)
    newest = max(m.name for m in runner.load() if not m.repeatable)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DELETE FROM schema_migration WHERE name = %s", [newest])
    status, said = jishi(url, "doctor")
    assert status == 1
    assert newest in said.replace("\n", "")
    assert "jishi migrate" in " ".join(said.split())
