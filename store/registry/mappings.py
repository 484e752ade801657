"""Mappings: those that are shipped, and an operator's own with all their versions.

Statements are in `sql/mappings.sql`; what a mapping is and does is in `models/mapping.py`, the
shipped ones are in `mappings/`. A write raises the registry's revision, by which ingest knows that
there is a newer one.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import mappings
from models.mapping import Mapping, MappingError
from models.mapping_document import MappingDocument
from models.sparkplug import samples as sparkplug
from store.instant import to_us
from store.registry.audit import note
from store.run import Query, Steps
from store.statements import statements


class ShippedMappingError(ValueError):
    """A name that Jishi's own mapping has: it is never written."""


class MappingVersionError(ValueError):
    """A version that is there and says otherwise, or one that would leave a gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMapping:
    """One version of a mapping."""

    name: str
    version: int
    #: As it was written, what is left to its default left out.
    document: dict[str, Any]
    shipped: bool
    #: All versions that there are, oldest first.
    versions: tuple[int, ...]
    #: When and by whom it was written; `None`: it is shipped.
    created_us: int | None = None
    created_by: str | None = None

    @classmethod
    def of_shipped(cls, mapping: Mapping) -> Self:
        """A shipped one."""
        return cls(
            name=mapping.name,
            version=mapping.version,
            document=mapping.document.to_json(),
            shipped=True,
            versions=tuple(mappings.versions(mapping.name)),
        )

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> Self:
        """One of the database's."""
        name, version, document, created_at, created_by, versions = row
        return cls(
            name=name,
            version=version,
            document=document,
            shipped=False,
            versions=tuple(sorted(versions)),
            created_us=to_us(created_at),
            created_by=created_by,
        )


def list_mappings() -> Steps[list[KeptMapping]]:
    """The newest version of each, by name."""
    rows = yield Query(statements("mappings")["newest"])
    found = {one.name: one for one in map(KeptMapping.of_row, rows)}
    # A name that came to be shipped after it was taken is read as the operator wrote it.
    for mapping in mappings.shipped().values():
        found.setdefault(mapping.name, KeptMapping.of_shipped(mapping))
    return [found[name] for name in sorted(found)]


def find_mapping(name: str, version: int | None = None) -> Steps[KeptMapping | None]:
    """One version, or the newest; `None`: there is none."""
    rows = yield Query(statements("mappings")["find"], {"name": name, "version": version})
    if rows:
        return KeptMapping.of_row(rows[0])
    mapping = mappings.shipped_version(name, version)
    return None if mapping is None else KeptMapping.of_shipped(mapping)


def load_mappings() -> Steps[dict[str, Mapping]]:
    """The mapping in force of each name, ready to read by."""
    rows = yield Query(statements("mappings")["newest"])
    found = dict(mappings.shipped())
    for one in map(KeptMapping.of_row, rows):
        try:
            found[one.name] = Mapping.parse(one.document)
        except MappingError:
            # Written by a newer release, which has more words than this one: it reads nothing
            # here, and what devices say is kept as `unmapped`.
            found.pop(one.name, None)
    return found


def put_mapping(document: MappingDocument, *, actor: str) -> Steps[tuple[KeptMapping, bool]]:
    """Write the next version of a mapping; nothing where the newest says the same.

    Args:
        document: Its version is the one to write; 0: whichever is next.
        actor: Who writes.

    Returns:
        What is in force now, and whether its name is new.

    Raises:
        ShippedMappingError: the name is a shipped one's.
        MappingVersionError: the version is neither the next nor the newest, unchanged.
    """
    registry, sql = statements("registry"), statements("mappings")
    if document.name in mappings.shipped() or document.name == sparkplug.MAPPING:
        raise ShippedMappingError(
            f"{document.name!r} is shipped and never written: copy it under a name of your own"
        )
    rows = yield Query(registry["lock"])
    revision: int = rows[0][0] + 1
    old = yield from find_mapping(document.name)
    newest = old.version if old else 0
    if old and _same(old.document, document) and document.version in (0, newest):
        return old, False
    version = document.version or newest + 1
    if version != newest + 1:
        raise MappingVersionError(
            f"version {version} of {document.name!r} cannot be written: versions never change, "
            f"and the next one is {newest + 1}"
        )
    written = document.model_copy(update={"version": version}).to_json()
    yield Query(
        sql["add"],
        {
            "name": document.name,
            "version": version,
            "document": json.dumps(written, ensure_ascii=False),
            "actor": actor,
        },
    )
    yield Query(registry["bump"], {"revision": revision})
    yield from note(
        actor=actor,
        action="update" if old else "create",
        object_type="mapping",
        object_id=document.name,
        before=old.document if old else None,
        after=written,
    )
    new = yield from find_mapping(document.name)
    assert new is not None
    return new, old is None


def _same(stored: dict[str, Any], document: MappingDocument) -> bool:
    ours = {**document.to_json(), "version": 0}
    return {**stored, "version": 0} == ours
