"""Where many folds stand, a column to each field of ``Track``: the one place that says it.

A ``Track`` is a row of it, for whoever folds one row after the other (``fold.py``); all at once
go on in ``fold_arrays.py``.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.fold import Track
from models.segment import State
from models.track_columns import TRACK_COLUMNS, Kind

#: Of a number that a ``Track`` has as None; before all times and below all numbers.
NONE = -(2**63)

_TYPES = {Kind.FLAG: np.bool_, Kind.TEXT: np.object_, Kind.NUMBER: np.float64}
_ABSENT = {Kind.FLAG: False, Kind.TEXT: None, Kind.NUMBER: np.nan}
_KINDS = {column.field: column.kind for column in TRACK_COLUMNS}
_FIELDS = attrgetter(*_KINDS)
_FIRST = Track()


class TrackArrays:
    """Some tracks by row; a column of each field is an attribute of its name in ``columns``."""

    __slots__ = ("columns",)

    def __init__(self, columns: dict[str, NDArray[Any]]) -> None:
        self.columns = columns

    @classmethod
    def fresh(cls, size: int) -> "TrackArrays":
        """So many tracks before their first rows."""
        made: dict[str, NDArray[Any]] = {}
        for name, kind in _KINDS.items():
            first = getattr(_FIRST, name)
            made[name] = np.full(
                size, _absent(kind) if first is None else first, _TYPES.get(kind, np.int64)
            )
        return cls(made)

    def __len__(self) -> int:
        return len(self.columns["newest_ts_us"])

    def __getitem__(self, field: str) -> NDArray[Any]:
        """A field's column: ``NONE``, NaN or None where it is absent."""
        return self.columns[field]

    def at(self, rows: NDArray[np.int64]) -> "TrackArrays":
        """Copies of some rows."""
        return TrackArrays({name: column[rows] for name, column in self.columns.items()})

    def put_at(self, rows: NDArray[np.int64], tracks: "TrackArrays") -> None:
        """Overwrites some rows, each once."""
        for name, column in self.columns.items():
            column[rows] = tracks.columns[name]

    def tracks(self, rows: NDArray[np.int64]) -> list[Track]:
        """Some rows as values."""
        columns = [_values(column[rows]) for column in self.columns.values()]
        tracks = [Track(*values) for values in zip(*columns, strict=True)]
        for track in tracks:
            if track.state is not None:
                track.state = State(track.state)
        return tracks

    def put_tracks(self, rows: NDArray[np.int64], tracks: Sequence[Track]) -> None:
        """Overwrites some rows by values."""
        values = zip(*map(_FIELDS, tracks), strict=True)
        for (name, column), found in zip(self.columns.items(), values, strict=True):
            absent = _absent(_KINDS[name])
            column[rows] = [absent if value is None else value for value in found]

    def put_columns(self, rows: NDArray[np.int64], columns: Sequence[NDArray[Any]]) -> None:
        """Overwrites some rows by columns in ``TRACK_COLUMNS``' order."""
        for column, found in zip(self.columns.values(), columns, strict=True):
            column[rows] = found

    def grow(self, size: int) -> None:
        """Makes room for more rows at the end."""
        more = TrackArrays.fresh(size - len(self))
        for name, column in self.columns.items():
            self.columns[name] = np.concatenate([column, more.columns[name]])


def _absent(kind: Kind) -> Any:
    return _ABSENT.get(kind, NONE)


def _values(column: NDArray[Any]) -> list[Any]:
    """A column as values, None where they are absent."""
    values: list[Any] = column.tolist()
    if column.dtype == np.int64 and (column == NONE).any():
        return [None if value == NONE else value for value in values]
    if column.dtype == np.float64 and np.isnan(column).any():
        return [None if value != value else value for value in values]
    return values
