"""Writes docs/configuration.md from the settings themselves, command by command.

``python scripts/configuration.py`` writes it; with ``--check`` it only says whether it is true.
"""

import enum
import re
import sys
import types
import typing
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import typer
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from api.settings import Settings as ApiSettings
from cli.deliver import DeliverSettings
from cli.main import app
from ingest.settings import IngestSettings
from stack.settings import VARIABLES

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "configuration.md"
HEAD = """\
# Configuration

Every setting that comes from the environment, by the command that reads it. Written by
`scripts/configuration.py` from the settings themselves: change those. Passwords stand in addresses:
give them by files that only the service reads (`EnvironmentFile=`, a container's secrets), never on
a command line.

Durations are numbers with a unit of `ms`, `s`, `m`, `h` or `d`, such as `90s` or `1h30m`; a bare
number is seconds.
"""
SECTIONS = {
    "`jishi ingest`": IngestSettings,
    "`jishi api`": ApiSettings,
    "`jishi reports deliver`": DeliverSettings,
}
#: Endings of names that say what a number is of.
ENDINGS = {
    "_bytes": "bytes",
    "_bytes_per_s": "bytes a second",
    "_per_s": "a second",
    "_s": "seconds",
    "_days": "days",
    "_port": "port",
    "_size": "connections",
}
SPELLED = {int: "number", float: "number", str: "text", Path: "path", bool: "`true` or `false`"}


#: What holds for every command, `cli/main.py`.
ALWAYS = {"JISHI_TRACEBACK": "tells what no command expects with its traceback, for a report"}


def unit(name: str, kind: object) -> str:
    """What a value is measured in, or may be."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return unit(name, inside[0])
    if origin is typing.Literal:
        return " or ".join(f"`{one}`" for one in inside)
    if origin in (typing.Union, types.UnionType):
        return unit(name, next(one for one in inside if one is not types.NoneType))
    if kind is timedelta:
        return "duration"
    for ending in sorted(ENDINGS, key=len, reverse=True):
        if kind in (int, float) and name.endswith(ending):
            return ENDINGS[ending]
    if kind is SecretStr:
        return "keys" if name.endswith("_keys") else "address"
    return SPELLED.get(kind, "text")  # type: ignore[call-overload, no-any-return]


def duration(value: timedelta) -> str:
    """As it would be written: the largest unit that leaves no fraction."""
    seconds = value.total_seconds()
    for letter, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f}{letter}"
    return f"{seconds * 1_000:.0f}ms"


def default(value: object) -> str:
    """A default as it would stand in the environment."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value in (PydanticUndefined, None, "", ()):
        return ""
    if isinstance(value, timedelta):
        return f"`{duration(value)}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, tuple | list):
        value = ",".join(map(str, value))
    return f"`{value}`"


def row(name: str, default_: str, unit_: str, meaning: str) -> str:
    """One line of a table."""
    meaning = re.sub(r"\s+", " ", meaning).strip().replace("|", "\\|").rstrip(".")
    return f"| `{name}` | {default_} | {unit_} | {meaning} |"


def of_settings(fields: dict[str, FieldInfo]) -> Iterator[str]:
    """The rows of one part's settings."""
    for name, info in fields.items():
        said = "required" if info.is_required() else default(info.get_default())
        yield row(
            f"JISHI_{name.upper()}", said, unit(name, info.annotation), info.description or ""
        )


def of_commands(command: typing.Any, path: str) -> Iterator[tuple[str, list[str]]]:
    """Commands with the rows of their options that the environment sets."""
    rows = []
    for option in command.params:
        named = option.envvar
        if not named or option.name == "url":
            continue
        kind = unit(option.name, option.type_descriptor.annotation)
        given = None if callable(option.default) else option.default
        said = "required" if option.required else default(given)
        variable = named if isinstance(named, str) else named[0]
        rows.append(row(variable, said, kind, option.help or ""))
    if rows:
        yield path, rows
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        yield from of_commands(inner, f"{path} {name}")


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    table = "| setting | default | unit | meaning |\n| --- | --- | --- | --- |"

    def section(title: str, rows: list[str]) -> None:
        parts.append("\n".join([f"\n## {title}\n", table, *rows, ""]))

    for title, settings in SECTIONS.items():
        section(title, list(of_settings(settings.model_fields)))
    section(
        "The local stack: `jishi up`, `jishi demo`",
        [row(name, "", "path or name", meaning) for name, meaning in VARIABLES.items()],
    )
    section("Every command", [row(name, "", "any text", said) for name, said in ALWAYS.items()])
    for title, rows in of_commands(typer.main.get_command(app), "jishi"):
        section(f"`{title}`", rows)
    return "".join(parts)


def main() -> int:
    """Writes or checks; the exit status."""
    text = page()
    if PAGE.exists() and PAGE.read_text("utf-8") == text:
        return 0
    if "--check" in sys.argv:
        print("docs/configuration.md is not what the settings are: run scripts/configuration.py")
        return 1
    PAGE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
