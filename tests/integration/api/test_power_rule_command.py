"""``jishi power-rule`` against a served API."""

import json
from pathlib import Path

from typer.testing import CliRunner

from cli.power_rule import app
from tests.integration.api.test_registry_command import ready

__all__ = ["ready"]  # a fixture
runner = CliRunner()
THRESHOLDS = ["--off-below", "5", "--run-until", "40", "--run-from", "50"]
WINDOW = ["--from", "2026-03-01", "--to", "2026-03-02", "--tz", "Asia/Shanghai"]


def test_a_back_test_tells_hours_before_and_after(
    tmp_path: Path, ready: list[str], instrument: str
) -> None:
    file = tmp_path / "instruments.csv"
    file.write_text(f"name,instrument_id\nx,{instrument}\n")
    for named in (instrument, str(file)):
        done = runner.invoke(app, ["backtest", named, *WINDOW, *THRESHOLDS, *ready])
        assert done.exit_code == 0, done.output
        assert instrument[:8] in done.stdout
        assert done.stdout.count("24.00") == 2  # unknown, before and after
        assert "0 samples from 2026-02-28T16:00:00Z" in done.stdout
    told = runner.invoke(app, ["backtest", instrument, *WINDOW, *THRESHOLDS, "--json", *ready])
    assert json.loads(told.stdout)["proposed"]["unknown_s"] == 86_400


def test_what_is_wrong_is_said_in_one_line(ready: list[str], instrument: str) -> None:
    thresholds = ["--off-below", "5", "--run-until", "60", "--run-from", "50"]
    refused = runner.invoke(app, ["backtest", instrument, *WINDOW, *thresholds, *ready])
    assert refused.exit_code == 1
    assert "off_below_w <= run_until_w <= run_from_w" in refused.stderr
    missing = runner.invoke(app, ["backtest", "nobody-1", *WINDOW, *THRESHOLDS, *ready])
    assert "no instrument 'nobody-1'" in missing.stderr


def test_examples_are_listed(ready: list[str]) -> None:
    done = runner.invoke(app, ["presets", *ready])
    assert done.exit_code == 0, done.output
    assert "011000" in done.stdout
