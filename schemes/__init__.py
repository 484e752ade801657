"""Shipped schemes: how instruments and institutions are judged, a folder a scheme and version.

``NAME/vVERSION/scheme.json`` is a document as ``models/scheme_document.py`` has it (its JSON
Schema: ``schema.json`` here). Here they are read; nothing else is done with them. ``recompute.py``
lies beside them to be published with every evaluation, and is imported by nothing.
"""

import json
from functools import cache
from pathlib import Path

from models.scheme_document import SchemeDocument, SchemeError

_HERE = Path(__file__).parent
#: What makes a published evaluation's figures anew, with Python's standard library alone.
RECOMPUTE = _HERE / "recompute.py"


@cache
def _all() -> dict[str, dict[int, SchemeDocument]]:
    found: dict[str, dict[int, SchemeDocument]] = {}
    for path in sorted(_HERE.glob("*/v*/scheme.json")):
        scheme = read_scheme(path)
        found.setdefault(scheme.name, {})[scheme.version] = scheme
    return found


@cache
def shipped() -> dict[str, SchemeDocument]:
    """The newest version of each shipped scheme, by name."""
    return {name: of_name[max(of_name)] for name, of_name in _all().items()}


def versions(name: str) -> list[int]:
    """The versions of a shipped scheme, oldest first; none where it is not shipped."""
    return sorted(_all().get(name, ()))


def shipped_version(name: str, version: int | None = None) -> SchemeDocument | None:
    """One version of a shipped scheme, or its newest; ``None``: there is none."""
    return shipped().get(name) if version is None else _all().get(name, {}).get(version)


def read_scheme(path: Path) -> SchemeDocument:
    """The scheme in a file.

    Raises:
        SchemeError: it is no scheme, or no JSON; the first of its problems says so.
        OSError: it cannot be read.
    """
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise SchemeError([(path.name, f"is not JSON: {error}")]) from error
    return SchemeDocument.parse(document)
