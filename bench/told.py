"""Tables that a run writes into documents, each between two marks: what a document says of
speed is what was last measured, and nobody copies figures by hand.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.results import KEYS, bars, met

README = Path(__file__).resolve().parent.parent / "README.md"
#: The keys' table in ``README`` stands between these two lines.
BEGIN, END = "<!-- make bench -->", "<!-- end of the table -->"


def between(text: str, begin: str, end: str, body: str) -> str:
    """The text with ``body`` between the two marks.

    Raises:
        ValueError: A mark is missing, or there twice.
    """
    before, rest = text.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n{body}\n{end}{after}"


def table(found: Mapping[str, Any]) -> str:
    """The keys that were measured, with their bars, and where and when that was."""
    machine = found["detail"]["machine"]
    day = datetime.fromisoformat(machine["measured_at"])
    lines = ["| key | is | measured | bar | |", "| --- | --- | ---: | ---: | --- |"]
    for key in KEYS:
        value = found.get(key.name)
        shown = "—" if value is None else f"{value:,.4g} {key.unit}"
        says = key.says.replace("|", "\\|")
        lines.append(f"| `{key.name}` | {says} | {shown} | {bars(key)} | {met(key, value)} |")
    return (
        f"`make bench` on {machine['cores']} cores ({machine['processor']}), everything on one"
        f" machine, {day:%Y-%m-%d %H:%M} UTC, load before {machine['load_before']}:\n\n"
        + "\n".join(lines)
    )


def write(found: Mapping[str, Any], path: Path = README) -> None:
    """Writes the keys' table into the README."""
    text = path.read_text("utf-8")
    path.write_text(between(text, BEGIN, END, table(found)), "utf-8")
