"""A ledger's heartbeats, sorted once into parts of instruments that fit into memory.

A ledger is written in order of time, and a verification goes instrument by instrument: read
part by part it would be read as often as there are parts. So it is read once, and each row
goes into the file of its instrument's part, in a folder of its own that is gone afterwards.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc

from simulators.check.ledger import LedgerReader

#: Heartbeats of a part, about: a hundred megabytes once they are rows of Python's.
PART_ROWS = 150_000
_AT_ONCE = 131_072  # rows sorted together
COLUMNS = [
    "gateway",
    "instrument",
    "instrument_id",
    "ts_us",
    "state",
    "power_w",
    "runtime_s",
    "energy_wh",
    "seq",
    "boot_id",
    "interval_s",
    "at_us",
    "historical",
    "raw",
    "expect",
    "fault",
]
_TRUTH = ["instrument", "at_us", "state"]

Sight = Callable[[pa.RecordBatch], None]


def divide(gateways: Sequence[int], rows: int, part_rows: int = PART_ROWS) -> list[range]:
    """Cut a city into parts of about as many heartbeats, between gateways if they are not large.

    Args:
        gateways: Of each instrument, by index; ascending.
        rows: Heartbeats of all.
        part_rows: Heartbeats of a part, if instruments are alike.
    """
    count = len(gateways)
    size = max(1, count * part_rows // max(1, rows))
    parts: list[range] = []
    first = 0
    for index in range(1, count + 1):
        is_border = index == count or gateways[index] != gateways[index - 1]
        enough = 1 if index == count else size if is_border else 3 * size
        if index - first >= enough:
            parts.append(range(first, index))
            first = index
    return parts


class Spool:
    """Rows of ``attempted`` and ``truth`` by part; close it to be rid of the files."""

    def __init__(self, readers: Sequence[LedgerReader], parts: Sequence[range]) -> None:
        self._readers = readers
        self.parts = parts
        self._folder = tempfile.TemporaryDirectory(prefix="jishi-verify-")
        place = [n for n, part in enumerate(parts) for _ in part]
        #: Part by instrument; the last entry is for what belongs to no instrument.
        self._place = pa.array([*place, len(parts)], pa.int32())

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()

    def fill(self, see: Sight | None = None, done: Callable[[int], None] | None = None) -> None:
        """Read everything once.

        Args:
            see: Shown every batch of ``attempted`` as it is in the ledger.
            done: Called with rows read so far.
        """
        for number, reader in enumerate(self._readers):
            self._sort(reader, "attempted", COLUMNS, number, see, done)
            self._sort(reader, "truth", _TRUTH, number, None, None)

    def _path(self, table: str, reader: int, part: int) -> Path:
        return Path(self._folder.name) / f"{table}-{reader}-{part}.arrow"

    def _sort(
        self,
        reader: LedgerReader,
        table: str,
        columns: list[str],
        number: int,
        see: Sight | None,
        done: Callable[[int], None] | None,
    ) -> None:
        writers: dict[int, Any] = {}
        rows = 0
        try:
            for batch in _gathered(reader, table, columns):
                if see is not None:
                    see(batch)
                self._share_out(batch, writers, lambda part: self._path(table, number, part))
                rows += batch.num_rows
                if done is not None:
                    done(rows)
        finally:
            for writer in writers.values():
                writer.close()

    def _share_out(
        self, batch: pa.RecordBatch, writers: dict[int, Any], path: Callable[[int], Path]
    ) -> None:
        instrument = batch.column("instrument")
        nobody = len(self._place) - 1
        place = self._place.take(pc.if_else(pc.less(instrument, 0), nobody, instrument))
        order = pc.sort_indices(place)
        batch, place = batch.take(order), place.take(order)
        at = 0
        counts = {c["values"]: c["counts"] for c in pc.value_counts(place).to_pylist()}
        for part in sorted(counts):
            if part not in writers:
                writers[part] = ipc.new_file(
                    path(part), batch.schema, options=ipc.IpcWriteOptions(compression="lz4")
                )
            writers[part].write_batch(batch.slice(at, counts[part]))
            at += counts[part]

    def attempted(self, part: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """A part's heartbeats, with the number of their ledger."""
        for number in range(len(self._readers)):
            for batch in self._batches("attempted", number, part):
                yield number, batch

    def strangers(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Heartbeats of instruments that the city does not have."""
        return self.attempted(len(self.parts))

    def truth(self, part: int) -> dict[int, list[tuple[int, int]]]:
        """Changes of state of a part's instruments, ascending."""
        changes: dict[int, list[tuple[int, int]]] = {i: [] for i in self.parts[part]}
        for number in range(len(self._readers)):
            for batch in self._batches("truth", number, part):
                columns = [batch.column(name).to_pylist() for name in _TRUTH]
                for instrument, at_us, state in zip(*columns, strict=True):
                    changes[instrument].append((at_us, state))
        for own in changes.values():
            own.sort()
        return changes

    def _batches(self, table: str, number: int, part: int) -> Iterator[pa.RecordBatch]:
        path = self._path(table, number, part)
        if path.exists():
            with pa.memory_map(str(path)) as source, ipc.open_file(source) as file:
                for k in range(file.num_record_batches):
                    yield file.get_batch(k)


def _gathered(reader: LedgerReader, table: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Batches of a good size: a row group alone makes very small slices."""
    kept: list[pa.RecordBatch] = []
    rows = 0
    for batch in reader.batches(table, columns):
        kept.append(batch)
        rows += batch.num_rows
        if rows >= _AT_ONCE:
            yield _one(kept)
            kept, rows = [], 0
    if rows:
        yield _one(kept)


def _one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
