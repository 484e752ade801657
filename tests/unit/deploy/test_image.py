"""The image: what goes into it, and its steps replayed where there are no containers."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from cli.main import version
from tests.unit.deploy.image import ROOT, Replay, context, steps, taken

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
DEVELOPMENT = {re.split(r"[<>=;\[ ]", name)[0] for name in PROJECT["dependency-groups"]["dev"]}


def locked(name: str) -> dict[str, str]:
    """Packages of a lock, each with version and hashes."""
    text = re.sub(r"^ *#.*\n", "", (ROOT / name).read_text("utf-8"), flags=re.M)
    return {
        entry.split("==")[0]: " ".join(entry.replace("\\", "").split())
        for entry in re.split(r"\n(?=\S)", text.strip())
    }


def test_the_run_time_lock_is_the_part_of_the_whole_that_running_needs() -> None:
    run, whole = locked("requirements-run.lock"), locked("requirements.lock")
    assert all("--hash=sha256:" in entry for entry in run.values())
    differing = {name for name, entry in run.items() if whole.get(name) != entry}
    assert not differing, "make lock"
    wanted = {re.split(r"[<>=;\[ ]", name)[0] for name in PROJECT["project"]["dependencies"]}
    assert wanted <= run.keys(), "make lock"
    # Each is there for the project's own sake or for another that is.
    comments = re.findall(
        r"^([\w.-]+)==.*\n(?:    --hash.*\n)+((?:    #.*\n?)+)",
        (ROOT / "requirements-run.lock").read_text("utf-8"),
        re.M,
    )
    assert {name for name, _ in comments} == run.keys()
    for name, comment in comments:
        reasons = set(
            re.findall(r"#(?: via)? +(?:via )?([\w.-]+)(?: \(pyproject\.toml\))?$", comment, re.M)
        )
        assert reasons & (run.keys() | {"jishi"}), f"{name} is there for {reasons}"
    assert not (DEVELOPMENT - wanted) & run.keys()


def test_the_image_runs_as_an_account_without_rights_from_that_lock() -> None:
    words = {step.word: step.rest for step in steps()}
    assert words["USER"] == "jishi"
    installs = [step.rest for step in steps() if "install" in step.rest and step.word == "RUN"]
    assert "scripts/install requirements-run.lock" in installs[0]
    assert "PIP_NO_CACHE_DIR=1" in installs[0]


@pytest.mark.parametrize(
    "path",
    [
        "deploy/secrets/database",
        "secrets.env",
        ".env",
        ".git/config",
        "certs/ca.key",
        "tests/conftest.py",
        "requirements.lock",
        "bench/work/a",
        "models/__pycache__/fold.cpython-311.pyc",
        "node_modules/x/index.js",
        "Dockerfile",
    ],
)
def test_what_is_not_named_stays_out(path: str) -> None:
    assert not taken(path)


def test_all_rooms_that_run_go_in() -> None:
    rooms = set(PROJECT["tool"]["importlinter"]["root_packages"]) - {"bench"}
    inside = {name.split("/")[0] for name in context()}
    assert rooms <= inside
    assert {"cockpit", "mappings", "LICENSE", "pyproject.toml"} <= inside


@pytest.mark.slow
def test_the_steps_make_a_service_without_development_tools(tmp_path: Path) -> None:
    """Installs from the lock as the image does, then starts what the image would start."""
    image = Replay(tmp_path)
    image.run()
    before = listing(image.home)
    own = {name for name in before if name.endswith(".py") and not name.startswith(".venv/")}
    compiled = {
        re.sub(r"__pycache__/(.+)\.cpython-\d+\.pyc$", r"\1.py", name)
        for name in before
        if name.endswith(".pyc")
    }
    assert own
    assert own <= compiled, "what is not compiled is compiled at each start"

    def start(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            list(words),
            env=image.environment,
            cwd=image.home,
            capture_output=True,
            text=True,
            check=False,
        )

    done = start(*image.entrypoint, "--version")
    assert (done.returncode, done.stdout) == (0, f"jishi {version()}\n"), done.stderr
    for part in ("ingest", "api"):
        assert "JISHI_DATABASE_URL" in start(*image.entrypoint, part, "--show-settings").stdout
    rooms = sorted(set(PROJECT["tool"]["importlinter"]["root_packages"]) - {"bench"})
    done = start("python", "-c", f"import {', '.join(rooms)}, api.app, ingest.service")
    assert done.returncode == 0, done.stderr
    for name in ("pytest", "mypy", "ruff", "hypothesis", "playwright", "pip", "bench", "tests"):
        assert start("python", "-c", f"import {name}").returncode == 1, f"{name} is there"
    assert listing(image.home) == before, "it wrote into its own image"
    size = sum(os.lstat(image.home / name).st_size for name in before)
    print(f"\nthe image's own content: {size / 1e6:.0f} MB, {len(before)} files")


def listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
