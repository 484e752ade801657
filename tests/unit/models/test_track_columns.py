"""The one list of a status row's columns, and the track that it mirrors."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from models.fold import Track
from models.track_columns import TRACK_COLUMNS, Column

SQL = sorted((Path(__file__).parents[3] / "store/sql").glob("*.sql"))


def test_the_columns_are_the_tracks_fields_in_order() -> None:
    assert [column.field for column in TRACK_COLUMNS] == [field.name for field in fields(Track)]


def test_what_has_a_value_from_the_beginning_is_never_absent() -> None:
    for column, field in zip(TRACK_COLUMNS, fields(Track), strict=True):
        assert column.optional == (field.default is None), column.name


@pytest.mark.parametrize("column", TRACK_COLUMNS, ids=lambda column: column.name)
def test_readers_call_a_column_as_the_track_does(column: Column) -> None:
    alias = re.compile(rf"us\(\w\.{column.name}\) AS (\w+)")
    for path in SQL:
        said = set(alias.findall(path.read_text(encoding="utf-8")))
        assert said <= {column.field}, f"{path.name} calls {column.name} {said}"
