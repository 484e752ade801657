"""Which of several workers a gateway belongs to: a stable function of its id and their number."""

from hashlib import blake2b

_MASK = (1 << 64) - 1


def share_of(gateway_id: str, workers: int) -> int:
    """The worker of a gateway, from 0.

    Each gets about as many as the others. When one worker is added, only what it gets moves;
    when the last one goes, only what it had.

    Args:
        gateway_id: Any text.
        workers: How many there are, at least 1.

    Source: Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm" (2014).
    """
    key = int.from_bytes(blake2b(gateway_id.encode(), digest_size=8).digest(), "big")
    found, following = -1, 0
    while following < workers:
        found = following
        key = (key * 2_862_933_555_777_941_757 + 1) & _MASK
        following = int((found + 1) * ((1 << 31) / ((key >> 33) + 1)))
    return found
