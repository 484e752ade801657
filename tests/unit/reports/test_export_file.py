"""Parquet as rows come: in groups, with what a file says of itself, whole or not at all."""

from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from models.export_table import Column, Kind
from reports.export_file import ROWS, ExportFile, facts_of

COLUMNS = (
    Column("instrument_id", Kind.WORD),
    Column("cause", Kind.WORD, nullable=True),
    Column("starts_at", Kind.INSTANT),
    Column("day", Kind.DAY),
    Column("running_us", Kind.NUMBER),
    Column("provisional", Kind.FLAG),
)


def test_rows_come_back_with_what_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    day = date(2026, 3, 1)
    with (
        path.open("wb") as out,
        ExportFile(out.write, COLUMNS, {"revision": "a", "tz": "Asia/Shanghai"}) as file,
    ):
        file.add([["m", "n"], [None, "device"], [0, 1], [day, day], [2**62, -1], [True, False]])
        file.add([["o"], ["机时"], [1_700_000_000_123_456], [day], [0], [True]])
    assert facts_of(path) == {"revision": "a", "tz": "Asia/Shanghai"}
    table = pq.read_table(path)
    assert table["instrument_id"].to_pylist() == ["m", "n", "o"]
    assert table["cause"].to_pylist() == [None, "device", "机时"]
    assert table["running_us"].to_pylist() == [2**62, -1, 0]
    assert table["starts_at"].to_pylist()[0] == datetime(1970, 1, 1, tzinfo=UTC)
    assert table["starts_at"].cast("int64").to_pylist()[2] == 1_700_000_000_123_456


def test_memory_holds_one_group_of_rows(tmp_path: Path) -> None:
    written: list[int] = []
    with ExportFile(lambda data: written.append(len(data)), COLUMNS, {}) as file:
        for number in range(5):
            before = sum(written)
            count = ROWS // 2
            file.add([["m"] * count, ["x"] * count, list(range(count)), [date(2026, 3, 1)] * count,
                      list(range(count)), [False] * count])  # fmt: skip
            # Every second one goes out, and nothing stays behind.
            assert (sum(written) > before) is bool(number % 2) or not number


def test_what_broke_off_has_no_end(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    with path.open("wb") as out:

        def broken() -> None:
            with ExportFile(out.write, COLUMNS, {"revision": "a"}) as file:
                file.add([["m"], [None], [0], [date(2026, 3, 1)], [1], [True]])
                raise RuntimeError("the database is away")

        with pytest.raises(RuntimeError, match="away"):
            broken()
    assert path.read_bytes() == b"PAR1"
    assert facts_of(path) is None
    assert facts_of(tmp_path / "nothing") is None


def test_an_empty_one_is_a_table_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    with path.open("wb") as out, ExportFile(out.write, COLUMNS, {"revision": "0"}):
        pass
    assert pq.read_table(path).num_rows == 0
    assert facts_of(path) == {"revision": "0"}
