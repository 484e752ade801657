"""Schemes: those that are shipped, and an operator's own with all their versions.

Statements are in ``sql/schemes.sql``; what a scheme is and does is in ``models/scheme.py``, the
shipped ones are in ``schemes/``.
"""

from typing import Final

import schemes
from models.scheme_document import SchemeDocument
from store.registry.documents import Shelf
from store.run import Steps

SCHEMES: Final = Shelf(
    statements="schemes",
    object_type="scheme",
    names=schemes.shipped,
    versions=schemes.versions,
    shipped=schemes.shipped_version,
)


def find_scheme(name: str) -> Steps[SchemeDocument | None]:
    """The newest version, ready to judge by; None: there is none.

    Raises:
        SchemeError: a newer release wrote it, which has more words than this one.
    """
    kept = yield from SCHEMES.find(name)
    return None if kept is None else SchemeDocument.parse(kept.document)
