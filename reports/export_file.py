"""Parquet files of bulk exports, written as the rows come: memory holds one group of rows.

What the columns are is ``models/export_table.py``'s.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from models.export_table import Column, Kind

#: Before the names of what a file says of itself, beside other programs' words.
PREFIX = "jishi."
#: Rows that a reader gets at once: enough to compress well, few enough to hold.
ROWS = 65_536
_TYPES: Mapping[Kind, pa.DataType] = {
    Kind.WORD: pa.dictionary(pa.int32(), pa.string()),
    Kind.INSTANT: pa.timestamp("us", tz="UTC"),
    Kind.DAY: pa.date32(),
    Kind.NUMBER: pa.int64(),
    Kind.FLAG: pa.bool_(),
}


class _Out:
    """Where bytes go, until it breaks off: the library would end a file whatever happened."""

    closed = False

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._at = 0
        self.broken = False

    def write(self, data: bytes) -> int:
        if not self.broken:
            self._write(bytes(data))
            self._at += len(data)
        return len(data)

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """Whoever opened what is beneath it closes that."""


class ExportFile:
    """A file under way, whole once its context has ended without an error.

    A reader refuses what has no footer, so a file that broke off is never taken for a shorter one.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        columns: Sequence[Column],
        facts: Mapping[str, str],
    ) -> None:
        """Nothing written yet.

        Args:
            write: Takes the file's bytes, in order.
            columns: Of each row.
            facts: What the file says of itself, by name.
        """
        self._out = _Out(write)
        self._schema = pa.schema(
            [pa.field(one.name, _TYPES[one.kind], nullable=one.nullable) for one in columns],
            {PREFIX + name: value for name, value in facts.items()},
        )
        self._writer = pq.ParquetWriter(self._out, self._schema, compression="zstd")
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def add(self, columns: Sequence[list[Any]]) -> None:
        """Adds rows, a list a column."""
        arrays = [
            pa.array(values, field.type)
            for values, field in zip(columns, self._schema, strict=True)
        ]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        self._waiting.append(batch)
        self._rows += batch.num_rows
        if self._rows >= ROWS:
            self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        else:
            self._out.broken = True
        self._writer.close()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(
                pa.Table.from_batches(self._waiting), row_group_size=self._rows
            )
            self._waiting.clear()
            self._rows = 0


def facts_of(path: Path) -> dict[str, str] | None:
    """What a whole file of ours says of itself; none where it is no such file."""
    try:
        found = pq.read_metadata(path).metadata or {}
    except (OSError, pa.ArrowInvalid):
        return None
    start = PREFIX.encode()
    return {
        name[len(start) :].decode(): value.decode()
        for name, value in found.items()
        if name.startswith(start)
    } or None
