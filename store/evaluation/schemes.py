"""Schemes: those that are shipped, and an operator's own with all their versions.

Statements are in ``sql/schemes.sql``; what a scheme is and does is in ``models/scheme.py``, the
shipped ones are in ``schemes/``.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import schemes
from models.scheme_document import SchemeDocument
from store.instant import to_us
from store.registry.audit import note
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("schemes")


class ShippedSchemeError(ValueError):
    """A name that Jishi's own scheme has: it is never written."""


class SchemeVersionError(ValueError):
    """A version that is there and says otherwise, or one that would leave a gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptScheme:
    """One version of a scheme."""

    name: str
    version: int
    #: As it was written, what is left to its default left out.
    document: dict[str, Any]
    shipped: bool
    #: All versions that there are, oldest first.
    versions: tuple[int, ...]
    #: When and by whom it was written; None: it is shipped.
    created_us: int | None = None
    created_by: str | None = None

    @classmethod
    def of_shipped(cls, scheme: SchemeDocument) -> Self:
        """A shipped one."""
        return cls(
            name=scheme.name,
            version=scheme.version,
            document=scheme.to_json(),
            shipped=True,
            versions=tuple(schemes.versions(scheme.name)),
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

    @property
    def scheme(self) -> SchemeDocument:
        """Ready to judge by.

        Raises:
            SchemeError: a newer release wrote it, which has more words than this one.
        """
        return SchemeDocument.parse(self.document)


def list_schemes() -> Steps[list[KeptScheme]]:
    """The newest version of each, by name."""
    rows = yield Query(_SQL["newest"])
    found = {one.name: one for one in map(KeptScheme.of_row, rows)}
    # A name that came to be shipped after it was taken is read as the operator wrote it.
    for scheme in schemes.shipped().values():
        found.setdefault(scheme.name, KeptScheme.of_shipped(scheme))
    return [found[name] for name in sorted(found)]


def find_scheme(name: str, version: int | None = None) -> Steps[KeptScheme | None]:
    """One version, or the newest; None: there is none."""
    rows = yield Query(_SQL["find"], {"name": name, "version": version})
    if rows:
        return KeptScheme.of_row(rows[0])
    scheme = schemes.shipped_version(name, version)
    return None if scheme is None else KeptScheme.of_shipped(scheme)


def put_scheme(document: SchemeDocument, *, actor: str) -> Steps[tuple[KeptScheme, bool]]:
    """Write the next version of a scheme; nothing where the newest says the same.

    Args:
        document: Its version is the one to write; 0: whichever is next.
        actor: Who writes.

    Returns:
        What is in force now, and whether its name is new.

    Raises:
        ShippedSchemeError: the name is a shipped one's.
        SchemeVersionError: the version is neither the next nor the newest, unchanged.
    """
    if document.name in schemes.shipped():
        raise ShippedSchemeError(
            f"{document.name!r} is shipped and never written: copy it under a name of your own"
        )
    yield Query(_SQL["lock"])
    old = yield from find_scheme(document.name)
    newest = old.version if old else 0
    if old and _same(old.document, document) and document.version in (0, newest):
        return old, False
    version = document.version or newest + 1
    if version != newest + 1:
        raise SchemeVersionError(
            f"version {version} of {document.name!r} cannot be written: versions never change, "
            f"and the next one is {newest + 1}"
        )
    written = document.model_copy(update={"version": version}).to_json()
    yield Query(
        _SQL["add"],
        {
            "name": document.name,
            "version": version,
            "document": json.dumps(written, ensure_ascii=False),
            "actor": actor,
        },
    )
    yield from note(
        actor=actor,
        action="update" if old else "create",
        object_type="scheme",
        object_id=document.name,
        before=old.document if old else None,
        after=written,
    )
    new = yield from find_scheme(document.name)
    assert new is not None
    return new, old is None


def _same(stored: dict[str, Any], document: SchemeDocument) -> bool:
    ours = {**document.to_json(), "version": 0}
    return {**stored, "version": 0} == ours
