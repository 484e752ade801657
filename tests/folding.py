"""Folds many rows at once, as ingest does one after the other."""

from collections.abc import Iterable

from models.fold import Row, Track, advance
from models.segment import Piece


def fold(rows: Iterable[Row], track: Track | None = None) -> tuple[Track, list[Piece]]:
    """Folds rows in order of (``at_us``, ``ts_us``), all newer than the track's newest row.

    Returns:
        The track after the last row, ``track`` itself if given, and the pieces closed on the way.
    """
    track = track or Track()
    closed: list[Piece] = []
    for row in rows:
        advance(track, row, closed)
    return track, closed
