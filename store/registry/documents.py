"""Documents with versions: those that are shipped, and an operator's own with all of theirs.

Mappings, report profiles and schemes are such; each has its statements in a file of its own. A
version never changes once it is written, and the next one follows without a gap.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from store.instant import to_us
from store.registry.audit import note
from store.run import Query, Steps
from store.statements import statements


class Document(Protocol):
    """What is kept: it has a name and a version, and can be written down."""

    name: str
    version: int

    def to_json(self) -> dict[str, Any]:
        """As it is written, what is left to its default left out."""

    def model_copy(self, *, update: dict[str, Any]) -> Self:
        """The same with some fields changed."""


class ShippedError(ValueError):
    """A name that Jishi's own document has: it is never written."""


class VersionError(ValueError):
    """A version that is there and says otherwise, or one that would leave a gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One version of a document."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What is in force after a write."""

    kept: Kept
    #: Whether its name is new.
    new: bool
    #: Whether there is a version that was not there before.
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Where documents of one kind are kept."""

    #: The file of its statements: `newest`, `find`, `lock` and `add`.
    statements: str
    #: What the audit calls one.
    object_type: str
    #: Names of those that are shipped.
    names: Callable[[], Iterable[str]]
    #: The versions of a shipped one, oldest first.
    versions: Callable[[str], Sequence[int]]
    #: One version of a shipped one, or its newest; None: there is none.
    shipped: Callable[[str, int | None], Document | None]
    #: Names that nobody may take besides.
    reserved: frozenset[str] = frozenset()

    def newest(self) -> Steps[list[Kept]]:
        """The newest version of each of an operator's own."""
        rows = yield Query(statements(self.statements)["newest"])
        return [Kept.of_row(row) for row in rows]

    def all(self) -> Steps[list[Kept]]:
        """The newest version of each, by name."""
        found = {one.name: one for one in (yield from self.newest())}
        # A name that came to be shipped after it was taken is read as the operator wrote it.
        for name in self.names():
            if name not in found and (one := self._shipped(name)) is not None:
                found[name] = one
        return [found[name] for name in sorted(found)]

    def find(self, name: str, version: int | None = None) -> Steps[Kept | None]:
        """One version, or the newest; None: there is none."""
        asked = {"name": name, "version": version}
        rows = yield Query(statements(self.statements)["find"], asked)
        return Kept.of_row(rows[0]) if rows else self._shipped(name, version)

    def put(self, document: Document, *, actor: str) -> Steps[Written]:
        """Write the next version of a document; nothing where the newest says the same.

        Args:
            document: Its version is the one to write; 0: whichever is next.
            actor: Who writes.

        Raises:
            ShippedError: the name is a shipped one's.
            VersionError: the version is neither the next nor the newest, unchanged.
        """
        sql = statements(self.statements)
        if document.name in self.reserved or document.name in self.names():
            raise ShippedError(
                f"{document.name!r} is shipped and never written: copy it under a name of your own"
            )
        yield Query(sql["lock"])
        old = yield from self.find(document.name)
        newest = old.version if old else 0
        if old and _same(old.document, document) and document.version in (0, newest):
            return Written(kept=old, new=False, changed=False)
        version = document.version or newest + 1
        if version != newest + 1:
            raise VersionError(
                f"version {version} of {document.name!r} cannot be written: versions never change, "
                f"and the next one is {newest + 1}"
            )
        written = document.model_copy(update={"version": version}).to_json()
        text = json.dumps(written, ensure_ascii=False)
        named = {"name": document.name, "version": version, "document": text, "actor": actor}
        yield Query(sql["add"], named)
        yield from note(
            actor=actor,
            action="update" if old else "create",
            object_type=self.object_type,
            object_id=document.name,
            before=old.document if old else None,
            after=written,
        )
        kept = yield from self.find(document.name)
        assert kept is not None
        return Written(kept=kept, new=old is None, changed=True)

    def _shipped(self, name: str, version: int | None = None) -> Kept | None:
        document = self.shipped(name, version)
        if document is None:
            return None
        return Kept(
            name=document.name,
            version=document.version,
            document=document.to_json(),
            shipped=True,
            versions=tuple(self.versions(name)),
        )


def _same(stored: dict[str, Any], document: Document) -> bool:
    return {**stored, "version": 0} == {**document.to_json(), "version": 0}
