"""The compose file as Compose itself reads it: its own ``config``, which needs no engine."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lacking import Part, lacking
from tests.unit.deploy.test_compose import COMPOSE, FOLDER
from tests.unpacked import Unavailable, find

PLUGIN = "usr/libexec/docker/cli-plugins/docker-compose"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder as an operator has it, with secrets and certificates."""
    folder = tmp_path_factory.mktemp("compose") / "deploy"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("secrets", "certs"))
    (folder / "certs").mkdir()
    (folder / "secrets").mkdir()
    for secret in COMPOSE["secrets"].values():
        (folder / secret["file"]).write_text("word\n")
    return folder


def config(file: Path, *more: str) -> subprocess.CompletedProcess[str]:
    try:
        compose = find([], package="docker-compose", program=PLUGIN, release="trixie")
    except Unavailable as reason:
        lacking(Part.COMPOSE, str(reason))
    return subprocess.run(
        [compose.program, "-f", file, "--profile", "*", "config", *more],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_compose_takes_the_shipped_file(shipped: Path) -> None:
    done = config(shipped / "compose.yaml", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    read: dict[str, Any] = json.loads(done.stdout)
    assert read["services"].keys() == COMPOSE["services"].keys()
    for name, service in read["services"].items():
        # What compose made of it is what the tests of the file take it for.
        for word in ("entrypoint", "command"):
            assert service.get(word) == COMPOSE["services"][name].get(word)


@pytest.mark.parametrize(
    "change",
    [{"mem_limits": "1g"}, {"depends_on": {"nobody": {"condition": "service_started"}}}],
    ids=["no such word", "no such service"],
)
def test_it_would_not_take_just_anything(shipped: Path, change: dict[str, Any]) -> None:
    wrong = yaml.safe_load((shipped / "compose.yaml").read_text("utf-8"))
    wrong["services"]["api"] |= change
    (shipped / "wrong.yaml").write_text(yaml.safe_dump(wrong))
    assert config(shipped / "wrong.yaml", "--quiet").returncode != 0
