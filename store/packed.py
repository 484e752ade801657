"""Rows that come packed in one value: half a million of them are a second's work one by one."""

from typing import Any

import numpy as np

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
