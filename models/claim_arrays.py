"""``self_report.py: claim`` of many places at once, in arrays; a test holds the two together."""

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
