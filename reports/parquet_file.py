"""Rows as Parquet, a group of rows at a time; types follow the columns' kinds."""

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from models.report_column import Cell, Column
from models.report_profile import Profile
from models.report_value import PeriodFacts

#: Rows that are held in memory, and stand together in the file.
GROUP_ROWS = 1 << 13


def write_parquet(
    profile: Profile, _: PeriodFacts, rows: Iterable[Sequence[Cell]], out: BinaryIO
) -> None:
    """A column a column; empty cells are null."""
    columns = profile.columns
    schema = pa.schema([pa.field(column.name, _type(column)) for column in columns])
    remaining = iter(rows)
    with pq.ParquetWriter(pa.PythonFile(out, mode="w"), schema, compression="zstd") as writer:
        while group := list(islice(remaining, GROUP_ROWS)):
            arrays = [
                pa.array(map(_cell, cells), type=schema.field(number).type)
                for number, cells in enumerate(zip(*group, strict=True))
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def _type(column: Column) -> Any:
    said = column.document
    if said.kind == "integer":
        return pa.int64()
    if said.kind == "decimal":
        return pa.decimal128(38, said.decimals)
    if said.kind == "time" and column.format is None:
        return pa.timestamp("us", tz="UTC")
    return pa.string()


def _cell(cell: Cell) -> Any:
    if isinstance(cell, dict):
        return json.dumps(cell, ensure_ascii=False, separators=(",", ":"))
    return cell
