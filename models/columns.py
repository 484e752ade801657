"""Heartbeats of many messages as columns: what most of them are never made objects for.

``wire_columns.py`` makes them of bytes. A ``Heartbeat`` of theirs is made when somebody asks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, overload

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.heartbeat import STATELESS, Heartbeat
from models.segment import State

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]
#: Texts, or None where there is none.
Texts = NDArray[np.object_]

#: In a column of sequence numbers: there is none. Theirs begin at 0.
NO_SEQ = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Heartbeats by row, each field as ``Heartbeat`` has it; a number that is absent is NaN."""

    instrument_id: list[str]
    ts_us: Ints
    #: ``STATELESS``: a sample.
    state: Ints
    power_w: Floats
    runtime_s: Floats
    energy_wh: Floats
    #: ``NO_SEQ`` where there is none.
    seq: Ints
    boot_id: Texts
    interval_s: Floats

    def heartbeat(self, row: int) -> Heartbeat:
        """One of them as a value."""
        state, seq = int(self.state[row]), int(self.seq[row])
        return Heartbeat(
            instrument_id=self.instrument_id[row],
            ts_us=int(self.ts_us[row]),
            state=None if state == STATELESS else State(state),
            power_w=_number(self.power_w[row]),
            runtime_s=_number(self.runtime_s[row]),
            energy_wh=_number(self.energy_wh[row]),
            seq=None if seq == NO_SEQ else seq,
            boot_id=self.boot_id[row],
            interval_s=_number(self.interval_s[row]),
        )


def together(parts: Sequence[Columns]) -> Columns:
    """The rows of several, one after the other; at least one."""
    joined: dict[str, Any] = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(Columns)
        if field.name != "instrument_id"
    }
    return Columns(instrument_id=[one for part in parts for one in part.instrument_id], **joined)


def _number(value: Any) -> float | None:
    return None if value != value else float(value)


# A Struct, since mostly there is one to each heartbeat; it lies in no cycle (gc=False).
class Rows(msgspec.Struct, frozen=True, eq=False, gc=False):
    """The heartbeats of one message, as a sequence of (place, heartbeat): some rows of columns."""

    columns: Columns
    first: int
    #: Behind the last; there is at least one.
    end: int
    #: The newest of their times.
    newest_us: int

    def __len__(self) -> int:
        return self.end - self.first

    def __iter__(self) -> Iterator[tuple[int, Heartbeat]]:
        heartbeat = self.columns.heartbeat
        return ((row - self.first, heartbeat(row)) for row in range(self.first, self.end))

    @overload
    def __getitem__(self, place: int) -> tuple[int, Heartbeat]: ...

    @overload
    def __getitem__(self, place: slice) -> list[tuple[int, Heartbeat]]: ...

    def __getitem__(
        self, place: int | slice
    ) -> tuple[int, Heartbeat] | list[tuple[int, Heartbeat]]:
        rows = range(self.first, self.end)[place]
        if isinstance(rows, range):
            return [(row - self.first, self.columns.heartbeat(row)) for row in rows]
        return rows - self.first, self.columns.heartbeat(rows)
