"""Mappings: those that are shipped, and an operator's own with all their versions.

Statements are in `sql/mappings.sql`; what a mapping is and does is in `models/mapping.py`, the
shipped ones are in `mappings/`. A write raises the registry's revision, by which ingest knows that
there is a newer one.
"""

from typing import Final

import mappings
from models.mapping import Mapping, MappingError
from models.mapping_document import MappingDocument
from models.sparkplug import samples as sparkplug
from store.registry.documents import Shelf, Written
from store.run import Query, Steps
from store.statements import statements


def _shipped(name: str, version: int | None) -> MappingDocument | None:
    mapping = mappings.shipped_version(name, version)
    return None if mapping is None else mapping.document


MAPPINGS: Final = Shelf(
    statements="mappings",
    object_type="mapping",
    names=mappings.shipped,
    versions=mappings.versions,
    shipped=_shipped,
    reserved=frozenset({sparkplug.MAPPING}),
)


def load_mappings() -> Steps[dict[str, Mapping]]:
    """The mapping in force of each name, ready to read by."""
    found = dict(mappings.shipped())
    for one in (yield from MAPPINGS.newest()):
        try:
            found[one.name] = Mapping.parse(one.document)
        except MappingError:
            # Written by a newer release, which has more words than this one: it reads nothing
            # here, and what devices say is kept as `unmapped`.
            found.pop(one.name, None)
    return found


def put_mapping(document: MappingDocument, *, actor: str) -> Steps[Written]:
    """Write the next version of a mapping, as `Shelf.put` says, and have ingest read it."""
    registry = statements("registry")
    rows = yield Query(registry["lock"])
    written = yield from MAPPINGS.put(document, actor=actor)
    if written.changed:
        yield Query(registry["bump"], {"revision": rows[0][0] + 1})
    return written
