"""Pieces that windows cut, parted by the readings of the hour meter within them (rule 12).

Only the raw rows have the single readings; which part counted what is ``models/piece_parts.py``.
"""

from collections.abc import Sequence
from typing import NamedTuple

from models.piece_parts import part_piece
from models.segment import Piece
from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("heartbeats")


class Cut(NamedTuple):
    """A counted piece and where windows cut it."""

    key: int
    piece: Piece
    #: Ascending, strictly within the piece (µs).
    edges: Sequence[int]


def part_pieces(cuts: Sequence[Cut]) -> Steps[list[list[Piece]]]:
    """Parts pieces by their readings, all of them by one query.

    Args:
        cuts: Of any instruments.

    Returns:
        The parts of each, in order.
    """
    if not cuts:
        return []
    rows = yield from Query[tuple[int, list[int], list[int]]](
        _SQL["readings_within"],
        {
            "keys": [cut.key for cut in cuts],
            "starts": [from_us(cut.piece.start_us) for cut in cuts],
            "ends": [from_us(cut.piece.end_us) for cut in cuts],
        },
        binary=True,
        heavy=len(cuts) > 1,
    )
    found = {n: (at, read) for n, at, read in rows}
    return [
        part_piece(cut.piece, cut.edges, *found.get(n, ((), ()))) for n, cut in enumerate(cuts, 1)
    ]
