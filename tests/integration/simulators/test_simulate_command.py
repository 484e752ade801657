"""``jishi simulate`` and its ledgers when something is missing or broken: words, no traceback."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from cli.up import Service
from simulators.city.city import FleetOptions
from simulators.fleet.options import RunOptions
from simulators.fleet.ready import Ready
from simulators.fleet.run import run_fleet


@pytest.fixture(scope="module")
def ready_file(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ready") / "ready.json"
    path.write_text(json.dumps(service.ready()))
    return path


@pytest.fixture(scope="module")
def ledger(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ledgers") / "whole"
    fleet = FleetOptions(instruments=3, gateways=1, interval_s=0.5, tag="cmd")
    run_fleet(Ready.of(service.ready()), RunOptions(fleet=fleet, duration_s=1.0, ledger=folder))
    return folder


def told(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, ["simulate", *map(str, arguments)])
    assert result.exit_code in (1, 2), result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


@pytest.mark.parametrize("command", ["run", "verify", "load", "calibrate"])
@pytest.mark.parametrize(
    ("content", "rule"),
    [
        pytest.param(None, "does not exist", id="missing"),
        pytest.param("{", "must be the JSON object", id="cut-short"),
        pytest.param("[]", "must be a JSON object", id="a-list"),
        pytest.param('{"api_url": "x"}', "must have an object mqtt", id="lacking"),
    ],
)
def test_a_broken_ready_file_is_named(
    command: str, content: str | None, rule: str, tmp_path: Path
) -> None:
    path = tmp_path / "ready.json"
    if content is not None:
        path.write_text(content)
    days = ("--from", "2026-01-01", "--to", "2026-01-02")
    arguments: dict[str, tuple[str | Path, ...]] = {
        "run": (),
        "verify": ("verify", tmp_path),
        "load": ("load", *days),
        "calibrate": ("calibrate", *days),
    }
    output = " ".join(told(*arguments[command], "--ready-file", path).output.split())
    assert str(path) in output.replace(" ", "")
    assert rule in output
    assert "jishi up --ready-file" in output


@pytest.mark.parametrize(
    ("spoil", "name", "rule"),
    [
        pytest.param("manifest.json", "manifest.json", "must be one JSON object", id="manifest"),
        pytest.param("instruments.parquet", "instruments.parquet", "cannot be read", id="registry"),
        pytest.param("attempted-*", "attempted-", "must be a whole Parquet file", id="a-part"),
    ],
)
def test_a_truncated_ledger_is_named(
    ledger: Path, ready_file: Path, tmp_path: Path, spoil: str, name: str, rule: str
) -> None:
    folder = tmp_path / "cut"
    shutil.copytree(ledger, folder)
    (path,) = folder.glob(spoil)
    path.write_bytes(path.read_bytes()[:50])
    output = told("verify", folder, "--ready-file", ready_file).output
    assert name in output
    assert rule in output


def test_a_ledger_without_a_part_is_told(ledger: Path, ready_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lacking"
    shutil.copytree(ledger, folder)
    next(folder.glob("messages-*")).unlink()
    assert "parts are missing" in told("verify", folder, "--ready-file", ready_file).output


def test_no_ledger_is_told(ready_file: Path, tmp_path: Path) -> None:
    output = told("verify", tmp_path / "none", "--ready-file", ready_file).output
    assert "is no ledger" in output


def test_a_service_that_is_gone_is_told(ledger: Path, ready_file: Path, tmp_path: Path) -> None:
    content = json.loads(ready_file.read_text()) | {"api_url": "http://127.0.0.1:9"}
    path = tmp_path / "ready.json"
    path.write_text(json.dumps(content))
    assert "does not answer" in told("verify", ledger, "--ready-file", path).output
    run = told("--instruments", "2", "--gateways", "1", "--ready-file", path)
    assert "does not answer" in run.output
