"""``self_report.py: claim`` and ``counted_once`` of many places at once, in arrays.

Tests hold either to the other.
"""

import numpy as np

from models.group_arrays import Ints
from models.self_report import HUNDREDTHS, RECORD_US, Claim

_AT = {one: place for place, one in enumerate(Claim)}


def claims(
    reported_us: Ints, records: Ints, effective_us: Ints, unknown_us: Ints, window_us: Ints
) -> Ints:
    """Arguments as for ``claim``, each below 2**56.

    Returns:
        Of each its place among the words of `Claim`.
    """
    tolerance = np.maximum(reported_us * HUNDREDTHS // 100, RECORD_US * records)
    unmeasured = (window_us <= 0) | (2 * unknown_us > window_us)
    over = reported_us > effective_us + unknown_us + tolerance
    under = reported_us < effective_us - tolerance
    return np.select(
        [unmeasured, over, under],
        [np.int64(_AT[one]) for one in (Claim.UNMEASURED, Claim.OVER, Claim.UNDER)],
        np.int64(_AT[Claim.CONSISTENT]),
    )


def counted_once(keys: Ints, starts_us: Ints, ends_us: Ints, hours_us: Ints) -> Ints:
    """What of each window's hours counts; where windows meet, the first of them bears it all.

    Args:
        keys: Of the instruments.
        starts_us: Of windows, each once an instrument.
        ends_us: After their starts.
        hours_us: Of all reports of a window together.

    Returns:
        In the order of the arguments, µs; an instrument's add up to what ``counted_once`` says.
    """
    found = np.zeros(len(keys), np.int64)
    if not len(keys):
        return found
    # Of those that begin together the longest comes first: it holds the others.
    order = np.lexsort((-ends_us, starts_us, keys))
    key, start, end, hours = keys[order], starts_us[order], ends_us[order], hours_us[order]
    # By rank, so that an instrument's greatest end so far is one number with its place in line.
    instants, rank = np.unique(end, return_inverse=True)
    place = np.r_[0, np.cumsum(key[1:] != key[:-1])] * len(instants)
    reach = np.maximum.accumulate(place + rank)
    is_same = place[1:] == place[:-1]
    reached = instants[np.where(is_same, reach[:-1] - place[1:], 0)]
    is_first = np.r_[True, ~is_same | (start[1:] > reached)]
    is_outer = np.r_[True, is_first[1:] | (end[1:] > reached)]
    firsts = np.flatnonzero(is_first)
    told = np.add.reduceat(np.where(is_outer, hours, 0), firsts)
    covered = np.maximum.reduceat(end, firsts) - start[firsts]
    found[order[firsts]] = np.minimum(told, covered)
    return found
