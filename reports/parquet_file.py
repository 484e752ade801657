"""Rows as Parquet, a group of rows at a time; types follow the columns' kinds."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from models.report_column import Cell, Column
from models.report_profile import Profile
from models.report_value import PeriodFacts
from reports.spelling import Portion

#: Rows that are held in memory, and stand together in the file.
GROUP_ROWS = 1 << 13


def write_parquet(
    profile: Profile, _: PeriodFacts, portions: Iterable[Portion], out: BinaryIO
) -> None:
    """A column a column; empty cells are null."""
    columns = profile.columns
    schema = pa.schema([pa.field(column.name, _type(column)) for column in columns])
    with pq.ParquetWriter(pa.PythonFile(out, mode="w"), schema, compression="zstd") as writer:
        for group in _groups(columns, portions):
            arrays = [pa.array(*one) for one in zip(group, schema.types, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def _groups(columns: Sequence[Column], portions: Iterable[Portion]) -> Iterator[list[list[Any]]]:
    """Cells of `GROUP_ROWS` rows, column by column."""
    group: list[list[Any]] = [[] for _ in columns]
    for portion in portions:
        for column, cells, more in zip(columns, group, portion, strict=True):
            cells += _objects(more) if column.kind == "object" else more
        while len(group[0]) >= GROUP_ROWS:
            yield [cells[:GROUP_ROWS] for cells in group]
            group = [cells[GROUP_ROWS:] for cells in group]
    if group[0]:
        yield group


def _type(column: Column) -> Any:
    said = column.document
    if said.kind == "integer":
        return pa.int64()
    if said.kind == "decimal":
        return pa.decimal128(38, said.decimals)
    if said.kind == "time" and column.format is None:
        return pa.timestamp("us", tz="UTC")
    return pa.string()


def _objects(cells: Sequence[Cell]) -> list[str | None]:
    return [
        None if cell is None else json.dumps(cell, ensure_ascii=False, separators=(",", ":"))
        for cell in cells
    ]
