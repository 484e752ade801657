"""Named statements out of `.sql` files; what they are for is written beside them there.

A file is a list of blocks, each headed ``-- name: the_name``. A line ``-- include: file.the_name``
stands for that block: what several statements say, written once. A line ``-- fields: kind`` stands
for the columns of that kind of record, in the order of its fields. `run.py` sends this room's;
``ingest/sql`` reads its own the same way.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from models.registry_fields import KINDS

FOLDER = Path(__file__).parent / "sql"
HEAD = "-- name: "
INCLUDE = "-- include: "
FIELDS = "-- fields: "


@cache
def statements(name: str, folder: Path = FOLDER) -> Mapping[str, str]:
    """The statements of ``{name}.sql`` by name.

    Args:
        name: Of the file, without its ending.
        folder: Where it lies; this room's own unless said.

    Raises:
        ValueError: a name stands there twice, or text stands before the first name.
    """
    found: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for line in (folder / f"{name}.sql").read_text(encoding="utf-8").splitlines():
        if line.startswith(HEAD):
            key = line.removeprefix(HEAD).strip()
            if key in found:
                raise ValueError(f"statement {key!r} stands twice in {name}.sql")
            lines = found[key] = []
        elif lines is not None and line.lstrip().startswith(INCLUDE):
            file, _, block = line.strip().removeprefix(INCLUDE).partition(".")
            lines.append(statements(file, folder)[block])
        elif lines is not None and line.lstrip().startswith(FIELDS):
            lines.append(columns(line.strip().removeprefix(FIELDS)))
        elif lines is not None:
            lines.append(line)
        elif line.strip() and not line.startswith("--"):
            raise ValueError(f"{name}.sql: {line!r} stands before the first {HEAD!r}")
    return MappingProxyType({key: "\n".join(text).strip() for key, text in found.items()})


def columns(kind: str) -> str:
    """The columns of one kind of record: of its version ``v``, and ids of what that refers to.

    Those are of the tables ``n`` (institution) and ``g`` (gateway).

    >>> columns("gateway")
    'v.name, n.institution_id, v.clock_correction_us, v.sparkplug, v.retired_on'
    """
    tables = {"institution": "n", "gateway": "g"}
    return ", ".join(
        f"{tables[field.of] if field.of else 'v'}.{field.column}" for field in KINDS[kind].fields
    )
