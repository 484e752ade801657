"""Shipped mappings: data, a folder a family and version, golden payloads beside each.

``NAME/vVERSION/mapping.json`` is a document as ``models/mapping_document.py`` has it (its JSON
Schema: ``schema.json`` here), ``NAME/vVERSION/golden/*.json`` are messages as
``models/mapping_golden.py`` has them. Here they are read; nothing else is done with them.
"""

from pathlib import Path

from pydantic import ValidationError

from models.mapping import Mapping, MappingError
from models.mapping_golden import Golden
from models.shelf import Shelf, read_json

_HERE = Path(__file__).parent


_SHELF = Shelf(lambda: (read_mapping(path) for path in sorted(_HERE.glob("*/v*/mapping.json"))))
shipped = _SHELF.shipped
versions = _SHELF.versions
shipped_version = _SHELF.version


def folder(mapping: Mapping) -> Path:
    """Where a shipped mapping and its golden payloads are."""
    return _HERE / mapping.name / f"v{mapping.version}"


def read_mapping(path: Path) -> Mapping:
    """The mapping in a file.

    Raises:
        MappingError: it is no mapping, or no JSON; the first of its problems says so.
        OSError: it cannot be read.
    """
    return Mapping.parse(read_json(path.read_bytes(), path.name, MappingError))


def read_goldens(folder: Path) -> dict[str, Golden]:
    """The golden payloads in a folder, by the names of their files.

    Raises:
        MappingError: a file is none; ``problems`` are below its name.
        OSError: one cannot be read.
    """
    found: dict[str, Golden] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            found[path.stem] = Golden.model_validate(
                read_json(path.read_bytes(), path.name, MappingError)
            )
        except ValidationError as error:
            raise MappingError(
                [
                    (".".join(map(str, (path.name, *one["loc"]))), one["msg"])
                    for one in error.errors(include_url=False)
                ]
            ) from error
    return found
