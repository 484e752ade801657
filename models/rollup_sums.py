"""How rows of rollups add up: kept as arrays, summed exactly, and turned into a group's figures.

Sums over a nation pass 64 bits: each number stands as two of 64, of which the lower one carries
``_LIMB`` bits. Eight million of them add up without loss.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.group import BANDS, Basis, Tally
from models.group_arrays import Ints
from models.rollup import BANDED, COUNTS, FIGURES, Row
from models.usage import Usage

_LIMB = 40
_MASK = (1 << _LIMB) - 1
_AT = {name: place for place, name in enumerate(FIGURES)}
#: Of which the greatest stays, and which is combined by exclusive or; both fit into 64 bits.
_STEP, _DIGEST = _AT["step_us"], _AT["digest"]

#: Rows by columns by two.
Packed = NDArray[np.int64]


def pack(rows: Sequence[Row]) -> bytes:
    """Rows as they are kept."""
    if not rows:
        return b""
    exact: Any = np.array(rows, dtype=object).reshape(len(rows), -1)
    found = np.empty((*exact.shape, 2), "<i8")
    found[..., 0] = exact >> _LIMB
    found[..., 1] = exact & _MASK
    return found.tobytes()


def unpack(data: bytes, columns: Sequence[str] = FIGURES) -> Packed:
    """The same to compute with."""
    return np.frombuffer(data, "<i8").reshape(-1, len(columns), 2)


def rows_of(packed: Packed) -> list[Row]:
    """The rows that were packed."""
    return [tuple((high << _LIMB) + low for high, low in row) for row in packed.tolist()]


def add_up(rows: Packed, groups: Ints, count: int) -> list[Row]:
    """Sums of rows by group; a group of no row has zeros.

    Args:
        rows: Of instruments that are in one row each.
        groups: Which group each row belongs to, from 0.
        count: How many groups there are.
    """
    width = rows.shape[1]
    found: list[Row] = [(0,) * width] * count
    if not len(rows):
        return found
    order = np.argsort(groups, kind="stable")
    rows, groups = rows[order], groups[order]
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    sums = np.add.reduceat(rows, starts, axis=0).tolist()
    special: dict[int, list[int]] = {}
    if width == len(FIGURES):
        steps = (rows[:, _STEP, 0] << _LIMB) + rows[:, _STEP, 1]
        digests = (rows[:, _DIGEST, 0] << _LIMB) + rows[:, _DIGEST, 1]
        special = {
            _STEP: np.maximum.reduceat(steps, starts).tolist(),
            _DIGEST: np.bitwise_xor.reduceat(digests, starts).tolist(),
        }
    for n, group in enumerate(groups[starts].tolist()):
        row = [(high << _LIMB) + low for high, low in sums[n]]
        for place, values in special.items():
            row[place] = values[n]
        found[group] = tuple(row)
    return found


def total_of(rows: Sequence[Row], columns: Sequence[str] = FIGURES) -> Row:
    """The sum of all rows."""
    packed = unpack(pack(rows), columns) if rows else np.empty((0, len(columns), 2), np.int64)
    return add_up(packed, np.zeros(len(rows), np.int64), 1)[0]


def row_of(tallies: Mapping[Basis, Tally], digest: int) -> Row:
    """A group's figures as a row.

    Args:
        tallies: The group by every basis.
        digest: Of every instrument's own figures (`store.figures.question.Group`).
    """
    tally = tallies[Basis.RATED]
    usage = tally.usage
    banded = [
        number for basis in BANDED for number in (tallies[basis].bandable, *tallies[basis].banded)
    ]
    return (
        tally.instruments,
        tally.never_seen,
        tally.sufficient,
        tally.ratios,
        *(getattr(usage, name) or 0 for name in Usage.__struct_fields__),
        int(usage.scheduled_us is not None),
        tally.effective_rated_us,
        tally.ratio_sum,
        *banded,
        digest,
    )


def tally_of(row: Row, basis: Basis, sufficient_coverage: float) -> Tally:
    """A row as a group's figures; the other way round than `row_of`."""
    known = dict(zip(FIGURES, row, strict=True))
    named: dict[str, int | None] = {name: known[name] for name in Usage.__struct_fields__}
    if not known["with_schedule"]:
        named["scheduled_us"] = named["running_scheduled_us"] = None
    bandable, *banded = (known[name] for name in BANDED[basis])
    assert len(banded) == len(BANDS), "a row has every band"
    return Tally(
        basis=basis,
        sufficient_coverage=sufficient_coverage,
        instruments=known["instruments"],
        never_seen=known["never_seen"],
        sufficient=known["sufficient"],
        usage=Usage(**named),  # type: ignore[arg-type]
        effective_rated_us=known["effective_rated_us"],
        ratio_sum=known["ratio_sum"],
        ratios=known["ratios"],
        banded=banded,
        bandable=bandable,
    )


def digest_of(row: Row) -> int:
    """Of every instrument's own figures."""
    return row[_DIGEST]


def counts_of(row: Row) -> dict[str, int]:
    """Counts of now, by name."""
    return dict(zip(COUNTS, row, strict=True))
