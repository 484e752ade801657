"""Files in somebody's folder: each is there whole, or not at all."""

import fcntl
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

from models.pieces import PieceWriter


def write_whole(path: Path, fill: Callable[[BinaryIO], object]) -> str:
    """Writes a file under another name, and gives it its own once all of it is on the disk.

    Whoever reads the folder never sees half of it, also where we or the machine are killed.

    Args:
        path: Of the file; its folder is made.
        fill: Writes the content; it is only written to.

    Returns:
        The SHA-256 of what was written.

    Raises:
        OSError: There is no place, or no right to it; nothing is left of it then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640)
    try:
        with os.fdopen(descriptor, "wb") as file:
            # Held while we live: what nobody holds any more is swept away by the next.
            fcntl.flock(file, fcntl.LOCK_EX)
            pieces = PieceWriter(lambda _, piece: file.write(piece))
            fill(cast("BinaryIO", pieces))
            _, digest = pieces.finish()
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
        _sync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return digest


def _sweep(path: Path) -> None:
    """Takes away what others left who were killed while they wrote this file."""
    for left in path.parent.glob(f".{path.name}.*.part"):
        with suppress(OSError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
