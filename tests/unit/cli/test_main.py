import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app

ROOT = Path(__file__).parents[3]


def test_version_is_the_project_s() -> None:
    said = CliRunner().invoke(app, ["--version"])
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert (said.exit_code, said.stdout) == (0, f"jishi {wanted}\n")


@pytest.mark.parametrize("arguments", [[], ["-h"]], ids=["nothing", "help"])
def test_help_names_it(arguments: list[str]) -> None:
    assert "--version" in CliRunner().invoke(app, arguments).output
