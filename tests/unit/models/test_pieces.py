"""Bytes handed on in pieces: the same bytes, whatever they came in."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from models import pieces
from models.pieces import PIECE_BYTES, PieceWriter


@given(st.lists(st.binary(max_size=40), max_size=12))
def test_the_same_bytes_whatever_they_came_in(parts: list[bytes]) -> None:
    kept: list[bytes] = []
    whole = b"".join(parts)
    before, pieces.PIECE_BYTES = pieces.PIECE_BYTES, 16
    try:
        writer = PieceWriter(lambda n, piece: kept.insert(n, piece))
        for part in parts:
            assert writer.write(part) == len(part)
        assert writer.tell() == len(whole)
        assert writer.finish() == (len(whole), sha256(whole).hexdigest())
    finally:
        pieces.PIECE_BYTES = before
    assert b"".join(kept) == whole
    assert all(len(piece) == 16 for piece in kept[:-1])
    assert all(kept)


def test_a_long_part_is_cut() -> None:
    sizes: list[int] = []
    writer = PieceWriter(lambda _, piece: sizes.append(len(piece)))
    writer.write(memoryview(bytearray(2 * PIECE_BYTES + 5)))
    writer.finish()
    assert sizes == [PIECE_BYTES, PIECE_BYTES, 5]
