"""Shipped mappings: data, a folder a family and version, golden payloads beside each.

``NAME/vVERSION/mapping.json`` is a document as ``models/mapping_document.py`` has it (its JSON
Schema: ``schema.json`` here), ``NAME/vVERSION/golden/*.json`` are messages as
``models/mapping_golden.py`` has them. Here they are read; nothing else is done with them.
"""

import json
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from models.mapping import Mapping, MappingError
from models.mapping_golden import Golden

_HERE = Path(__file__).parent


@cache
def _all() -> dict[str, dict[int, Mapping]]:
    found: dict[str, dict[int, Mapping]] = {}
    for path in sorted(_HERE.glob("*/v*/mapping.json")):
        mapping = read_mapping(path)
        found.setdefault(mapping.name, {})[mapping.version] = mapping
    return found


@cache
def shipped() -> dict[str, Mapping]:
    """The newest version of each shipped mapping, by name."""
    return {name: of_name[max(of_name)] for name, of_name in _all().items()}


def versions(name: str) -> list[int]:
    """The versions of a shipped mapping, oldest first; none where it is not shipped."""
    return sorted(_all().get(name, ()))


def shipped_version(name: str, version: int | None = None) -> Mapping | None:
    """One version of a shipped mapping, or its newest; ``None``: there is none."""
    return shipped().get(name) if version is None else _all().get(name, {}).get(version)


def folder(mapping: Mapping) -> Path:
    """Where a shipped mapping and its golden payloads are."""
    return _HERE / mapping.name / f"v{mapping.version}"


def read_mapping(path: Path) -> Mapping:
    """The mapping in a file.

    Raises:
        MappingError: it is no mapping, or no JSON; the first of its problems says so.
        OSError: it cannot be read.
    """
    return Mapping.parse(_json(path))


def read_goldens(folder: Path) -> dict[str, Golden]:
    """The golden payloads in a folder, by the names of their files.

    Raises:
        MappingError: a file is none; ``problems`` are below its name.
        OSError: one cannot be read.
    """
    found: dict[str, Golden] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            found[path.stem] = Golden.model_validate(_json(path))
        except ValidationError as error:
            raise MappingError(
                [
                    (".".join(map(str, (path.name, *one["loc"]))), one["msg"])
                    for one in error.errors(include_url=False)
                ]
            ) from error
    return found


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise MappingError([(path.name, f"is not JSON: {error}")]) from error
