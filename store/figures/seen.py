"""Who was heard at all before a window's end: the others have no figures."""

import numpy as np

from models.group_arrays import Ints
from models.usage import Window
from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("groups")


def seen_before(keys: Ints, window: Window) -> Steps[Ints]:
    """Who of them has a heartbeat before a window's end."""
    if not len(keys):
        return keys
    found = yield from Query[tuple[int]](
        _SQL["seen"], {"keys": keys.tolist(), "end": from_us(window.end_us)}, binary=True
    )
    return np.array(sorted(key for (key,) in found), np.int64)
