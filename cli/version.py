"""The version, as the project's own file says it: the rooms are used where they stand."""

import tomllib
from pathlib import Path


def version() -> str:
    """Such as ``0.1.0``."""
    with (Path(__file__).parents[1] / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])
