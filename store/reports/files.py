"""Files of closed periods, kept as the bytes that were written first, and their manifests.

Statements are in `sql/report_files.sql`. Bytes go in and out in pieces of 1 MiB, so that a file
may be longer than memory; what is in them, and who signs, is said from outside.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from models.manifest import ListedFile, Manifest, digest
from models.period import Period
from models.pieces import PIECE_BYTES
from models.timestamp import format_instant
from store.run import Query, Steps
from store.statements import statements


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file, without its bytes."""

    name: str
    media_type: str
    profile: str
    profile_version: int
    rows: int
    size: int
    sha256: str
    created_us: int

    @property
    def listed(self) -> ListedFile:
        """As a manifest has it."""
        return ListedFile(**{name: getattr(self, name) for name in ListedFile.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredManifest:
    """A manifest as it was signed."""

    number: int
    manifest: bytes
    signature: bytes
    key_id: str
    created_us: int


def lock_files(period_id: int) -> Steps[None]:
    """Has others who would add a file to this period wait until the transaction ends."""
    yield Query(statements("report_files")["lock"], {"period": period_id})


def keep_piece(period_id: int, name: str, n: int, data: bytes) -> Steps[None]:
    """Keeps a piece of a file; the file itself follows in the same transaction."""
    values = {"period": period_id, "name": name, "n": n, "bytes": data}
    yield Query(statements("report_files")["keep_piece"], values)


def keep_file(period_id: int, file: ListedFile, media_type: str) -> Steps[None]:
    """Keeps a file whose pieces are kept.

    Raises:
        psycopg.errors.UniqueViolation: The period has a file of this name.
    """
    yield Query(
        statements("report_files")["keep_file"],
        {
            "period": period_id,
            "name": file.name,
            "media_type": media_type,
            "profile": file.profile,
            "version": file.profile_version,
            "rows": file.rows,
            "size": file.size,
            "sha256": file.sha256,
        },
    )


def list_files(period_id: int, name: str | None = None) -> Steps[list[StoredFile]]:
    """Files of a period by name; with a ``name``, that one alone."""
    values = {"period": period_id, "name": name}
    rows = yield Query(statements("report_files")["files"], values)
    fields = StoredFile.__dataclass_fields__
    return [StoredFile(**dict(zip(fields, row, strict=True))) for row in rows]


def read_piece(period_id: int, name: str, n: int) -> Steps[bytes | None]:
    """A piece; none behind the last one."""
    values = {"period": period_id, "name": name, "n": n}
    rows = yield Query(statements("report_files")["piece"], values, binary=True)
    return bytes(rows[0][0]) if rows else None


def pieces_of(size: int) -> Iterator[int]:
    """The numbers of the pieces of a file of so many bytes."""
    return iter(range(-(-size // PIECE_BYTES)))


def list_manifests(period_id: int, number: int | None = None) -> Steps[list[StoredManifest]]:
    """A period's manifests by number; with a ``number``, that one alone."""
    values = {"period": period_id, "number": number}
    rows = yield Query(statements("report_files")["manifests"], values)
    return [_manifest(row) for row in rows]


def newest_manifest(period_id: int) -> Steps[StoredManifest | None]:
    """The manifest that lists all files; none before the first file."""
    rows = yield Query(statements("report_files")["newest_manifest"], {"period": period_id})
    return _manifest(rows[0]) if rows else None


def sign_files(
    period: Period, sign: Callable[[bytes], bytes], key_id: str
) -> Steps[StoredManifest]:
    """Makes the manifest of all files that a closed period has.

    Args:
        period: Closed; its files are locked (`lock_files`).
        sign: Makes the signature.
        key_id: Of the key.
    """
    assert period.closed_us is not None, "what is open can still change"
    assert period.closed_by is not None
    files = yield from list_files(period.period_id)
    listed = tuple(file.listed for file in files)
    last = yield from newest_manifest(period.period_id)
    manifest = Manifest(
        number=1 if last is None else last.number + 1,
        period_id=period.period_id,
        institution_id=period.institution_id,
        start=format_instant(period.start_us),
        end=format_instant(period.end_us),
        tz=period.timezone,
        closed_at=format_instant(period.closed_us),
        closed_by=period.closed_by,
        as_of=format_instant(period.closed_us),
        revision=period.digest or "",
        records=period.records or 0,
        key_id=key_id,
        previous=None if last is None else digest(last.manifest),
        files=listed,
    )
    encoded = manifest.encode()
    yield Query(
        statements("report_files")["keep_manifest"],
        {
            "period": period.period_id,
            "number": manifest.number,
            "manifest": encoded,
            "signature": sign(encoded),
            "key_id": key_id,
        },
    )
    newest = yield from newest_manifest(period.period_id)
    assert newest is not None
    return newest


def _manifest(row: Sequence[Any]) -> StoredManifest:
    return StoredManifest(**dict(zip(StoredManifest.__dataclass_fields__, row, strict=True)))
