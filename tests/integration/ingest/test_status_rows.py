"""Status rows against the database: the one list of columns is what the table has."""

import psycopg

from ingest.write.status_columns import COLUMNS
from tests.integration.ingest.test_writer_histories import database

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
