"""Bytes in pieces: what is longer than memory is handed on as it comes."""

import io
from collections.abc import Callable
from hashlib import sha256
from typing import Any

PIECE_BYTES = 1 << 20


class PieceWriter(io.RawIOBase):
    """A file to write to, whose pieces somebody keeps. It cannot be gone back in."""

    def __init__(self, keep: Callable[[int, bytes], object]) -> None:
        """Nothing written.

        Args:
            keep: Takes each piece with its number, from 0.
        """
        super().__init__()
        self._keep = keep
        self._rest = bytearray()
        self._pieces = 0
        self._size = 0
        self._digest = sha256()

    def writable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """How many bytes were written."""
        return self._size

    def write(self, data: Any) -> int:
        """Takes bytes; full pieces are handed on at once."""
        with memoryview(data).cast("B") as view:
            self._digest.update(view)
            self._rest += view
            self._size += len(view)
            written = len(view)
        while len(self._rest) >= PIECE_BYTES:
            self._hand_on()
        return written

    def finish(self) -> tuple[int, str]:
        """Hands on the rest; how many bytes there were, and their SHA-256."""
        if self._rest:
            self._hand_on()
        return self._size, self._digest.hexdigest()

    def _hand_on(self) -> None:
        with memoryview(self._rest) as view:
            piece = bytes(view[:PIECE_BYTES])
        del self._rest[:PIECE_BYTES]
        self._keep(self._pieces, piece)
        self._pieces += 1
