"""Many rows as one value, either way: half a million are a second's work one by one."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import psycopg
from psycopg import postgres
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

# PostgreSQL counts microseconds from 2000.
EPOCH_2000_US = 946_684_800_000_000


def packed_row(*columns: tuple[str, str]) -> np.dtype[Any]:
    """What ``record_send`` makes of a row without NULLs: a type and a length before each.

    Args:
        columns: Name and numpy's type of each; times are ``>i8`` from `EPOCH_2000_US` on.
    """
    fields = [("columns", ">i4")]
    for name, kind in columns:
        fields += [(f"{name}_type", ">i4"), (f"{name}_length", ">i4"), (name, kind)]
    return np.dtype(fields)


class Int64s:
    """Whole numbers that go out as one array, ``%(name)b::bigint[]``."""

    __slots__ = ("numbers",)

    def __init__(self, numbers: Sequence[int]) -> None:
        """Of numbers that fit into 64 bits; none is missing."""
        self.numbers = np.asarray(numbers, np.int64)


class _Int64sDumper(Dumper):
    format = Format.BINARY
    oid = postgres.types["int8"].array_oid
    #: A length before each number.
    _item: ClassVar = np.dtype([("length", ">i4"), ("number", ">i8")])

    def dump(self, obj: Int64s) -> Buffer:
        items = np.empty(len(obj.numbers), self._item)
        items["length"] = 8
        items["number"] = obj.numbers
        # One dimension, no NULL, the type of the items; how many, the first is number 1.
        head = (1, 0, postgres.types["int8"].oid, len(items), 1)
        return np.array(head, ">i4").tobytes() + items.tobytes()


psycopg.adapters.register_dumper(Int64s, _Int64sDumper)
