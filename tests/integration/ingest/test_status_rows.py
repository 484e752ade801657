"""Status rows against the database: the one list of columns is what the table has."""

from dataclasses import replace
from typing import Any

import numpy as np
import psycopg
import pytest

from ingest.db.connection import connect
from ingest.write import status_rows
from ingest.write.status_columns import COLUMNS, read_gathered
from ingest.write.status_rows import LANDING, StatusRows
from models.fold import Track
from tests.integration.ingest.test_writer_histories import database
from tests.unit.ingest.write.test_status_columns import WHOLE, absent

__all__ = ["database"]  # a fixture

#: Columns that others than the fold's transaction write.
OTHERS = {"clock_future_at", "counter_disagrees", "energy_disagrees"}


def test_the_list_is_the_table(database: str) -> None:
    with psycopg.connect(database) as connection:
        table = {
            name: (kind, nullable == "YES")
            for name, kind, nullable in connection.execute(
                "SELECT column_name, data_type, is_nullable FROM information_schema.columns"
                " WHERE table_name = 'instrument_status'"
            )
        }
    listed = {column.name: (column.kind.value, column.optional) for column in COLUMNS}
    assert listed == {name: kind for name, kind in table.items() if name not in OTHERS}


@pytest.mark.parametrize("together", [5, 1_000])
def test_what_is_written_is_what_is_read(
    database: str, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(status_rows, "READ_TOGETHER", together)
    read: list[int] = []

    def counted(cursor: psycopg.Cursor) -> list[Any]:
        columns = read_gathered(cursor)
        read.append(len(columns[0]))
        return columns

    monkeypatch.setattr(status_rows, "read_gathered", counted)
    tracks = [WHOLE, Track(), replace(WHOLE, judged=True, level=2, run_ts_us=3, power_w=-0.0)]
    tracks += [absent(0.3, seed) for seed in range(20)]
    texts = ("", 'ü\u2028"\\', "null", "\x01", None)
    for track, text in zip(tracks[1:], texts, strict=False):
        track.newest_boot_id = text
    with connect(database, "test") as connection:
        cursor = connection.cursor(binary=True)
        keys = np.arange(1, len(tracks) + 1) + 1_000_000
        cursor.execute(
            "CREATE TEMPORARY TABLE instrument_status (LIKE instrument_status INCLUDING DEFAULTS)"
        )
        cursor.execute(
            "INSERT INTO instrument_status (instrument_key) SELECT unnest(%s::int[])",
            [keys.tolist()],
        )
        cursor.execute(LANDING)
        writer, reader = StatusRows(lambda: None), StatusRows(lambda: None)
        writer.lock(cursor, keys)
        rows = writer.rows(keys.tolist())
        for row, track in zip(rows.values(), tracks, strict=True):
            row.track, row.last_received_us = track, track.newest_at_us or 0
        writer.write(cursor, rows, {key: [] for key in rows})
        read.clear()
        reader.lock(cursor, keys)
        # Never more together, or a city's were in memory three times over.
        assert max(read) == min(together, len(keys))
        assert sum(read) == len(keys)
        assert reader.rows(keys.tolist()) == rows
        connection.rollback()
