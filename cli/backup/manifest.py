"""What a backup says of itself: versions, what is in it, and a checksum of each file.

A backup is a folder with `manifest.json` and, in `database/`, what `pg_dump --format=directory`
wrote; or one file, a tar of that folder.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

#: Of the folder's layout and of this document; a newer one is refused.
FORMAT = 1
NAME = "manifest.json"
DATABASE = "database"
BLOCK = 1 << 20  # bytes


class BackupError(Exception):
    """It cannot be made, or not be brought back; says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One backup."""

    #: Version of Jishi that made it.
    jishi: str
    #: RFC 3339, by the database's clock: all that was committed before is in it.
    made_at: str
    #: The server's version, such as ``17.6``.
    postgresql: str
    timescaledb: str
    #: ``apache`` or ``community``.
    edition: str
    #: Chunks that only the Community edition can read.
    compressed_chunks: int
    #: SHA-256 of each applied migration, by its name.
    migrations: dict[str, str]
    #: Roles that were given rights. Their passwords are not here.
    roles: list[str]
    #: Rows of each table.
    rows: dict[str, int]
    #: Size of the database, bytes.
    database_bytes: int
    #: SHA-256 of each file, by its path.
    files: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def postgresql_major(self) -> int:
        """Such as 17."""
        return int(self.postgresql.split(".")[0])


def write(folder: Path, manifest: Manifest) -> None:
    """Write a manifest beside what it describes."""
    text = json.dumps(asdict(manifest), indent=1, sort_keys=True, ensure_ascii=False)
    (folder / NAME).write_text(text + "\n", "utf-8")


def read(folder: Path) -> Manifest:
    """The manifest of a backup.

    Raises:
        BackupError: There is none, it cannot be read, or a newer version wrote it.
    """
    path = folder / NAME
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if not isinstance(found, dict):
            raise ValueError("it holds no JSON object")
    except FileNotFoundError:
        raise BackupError(f"{folder} is no backup: it has no {NAME}") from None
    except (OSError, ValueError) as error:
        raise BackupError(f"{path} cannot be read: {error}") from None
    if found.get("format") != FORMAT:
        raise BackupError(
            f"{path} has format {found.get('format')}, and this version of Jishi reads {FORMAT};"
            f" restore with Jishi {found.get('jishi', 'of the version that made it')} or newer"
        )
    try:
        return Manifest(**found)
    except TypeError as error:
        raise BackupError(f"{path} is not whole: {error}") from None


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of a backup but its manifest, by its path within it."""
    return {
        str(path.relative_to(folder)): _sha256(path)
        for path in sorted((folder / DATABASE).rglob("*"))
        if path.is_file()
    }


def verify(folder: Path, manifest: Manifest) -> None:
    """Compare a backup's files with their checksums.

    Raises:
        BackupError: Names what differs, is missing, or was added.
    """
    found = checksums(folder)
    wrong = sorted(
        name
        for name in found.keys() | manifest.files.keys()
        if found.get(name) != manifest.files.get(name)
    )
    if wrong:
        raise BackupError(
            f"{folder} is damaged: {', '.join(wrong[:5])}{' …' if len(wrong) > 5 else ''} not as"
            " the manifest says; take another copy of the backup"
        )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
