"""Shipped schemes: how instruments and institutions are judged, a folder a scheme and version.

``NAME/vVERSION/scheme.json`` is a document as ``models/scheme_document.py`` has it (its JSON
Schema: ``schema.json`` here). Here they are read; nothing else is done with them. ``recompute.py``
lies beside them to be published with every evaluation, and is imported by nothing.
"""

from pathlib import Path

from models.scheme_document import SchemeDocument, SchemeError
from models.shelf import Shelf, read_json

_HERE = Path(__file__).parent
#: What makes a published evaluation's figures anew, with Python's standard library alone.
RECOMPUTE = _HERE / "recompute.py"


_SHELF = Shelf(lambda: (read_scheme(path) for path in sorted(_HERE.glob("*/v*/scheme.json"))))
shipped = _SHELF.shipped
versions = _SHELF.versions
shipped_version = _SHELF.version


def read_scheme(path: Path) -> SchemeDocument:
    """The scheme in a file.

    Raises:
        SchemeError: it is no scheme, or no JSON; the first of its problems says so.
        OSError: it cannot be read.
    """
    return SchemeDocument.parse(read_json(path.read_bytes(), path.name, SchemeError))
