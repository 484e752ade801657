"""Who was heard at all before a window's end: the others have no figures."""

import numpy as np

from models.group_arrays import Ints
from models.usage import Window
from store.arrays import int_array
from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("groups")


def seen_before(keys: Ints, window: Window) -> Steps[Ints]:
    """Who of them has a heartbeat before a window's end."""
    found, _ = yield from first_heard(keys, window)
    return found


def first_heard(keys: Ints, window: Window) -> Steps[tuple[Ints, Ints]]:
    """Those of them, ascending, with the times of their first heartbeats."""
    if not len(keys):
        return keys, keys
    found = yield from Query[tuple[int, int]](
        _SQL["seen"], {"keys": int_array(keys.tolist()), "end": from_us(window.end_us)}, binary=True
    )
    rows = np.array(sorted(found), np.int64).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]
