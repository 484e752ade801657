"""How keys go out: as PostgreSQL's own binary array."""

import pytest
from psycopg import postgres, pq
from psycopg.adapt import Transformer

from ingest.db.connection import Keys, _KeysDumper


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param([], id="none"),
        pytest.param([7], id="one"),
        pytest.param([1, 2**31 - 1, -5, 40_000], id="all widths"),
    ],
)
def test_keys_read_back_as_they_went_out(keys: list[int]) -> None:
    raw = _KeysDumper(Keys).dump(Keys(keys))
    oid = postgres.types["int4"].array_oid
    assert Transformer().get_loader(oid, pq.Format.BINARY).load(raw) == keys
