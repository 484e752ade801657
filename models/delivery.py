"""Deliveries of closed periods: what a failure says of the receiver, and what of one item.

Signatures and the pauses between tries are those of webhooks (``webhook.py``).
"""

from enum import StrEnum

from models.webhook import PAUSES, pause_after

#: Answers about what was sent, not about whether anything can be: the others go on.
_OF_THE_ITEM = frozenset({400, 409, 410, 413, 414, 415, 422})
_GONE = 410  # the receiver wants no more of it


class Kind(StrEnum):
    """How somebody is sent a closed period."""

    FOLDER = "folder"  #: its files, each written whole or not at all
    HTTPS = "https"  #: its records, one by one


class Outcome(StrEnum):
    """What became of a try."""

    DELIVERED = "delivered"
    REFUSED = "refused"  #: this item; others go on
    FAILED = "failed"  #: the receiver; all others wait


def outcome_of(status: int) -> Outcome:
    """What an HTTP answer says.

    >>> outcome_of(204), outcome_of(422), outcome_of(503)
    (<Outcome.DELIVERED: 'delivered'>, <Outcome.REFUSED: 'refused'>, <Outcome.FAILED: 'failed'>)
    """
    if 200 <= status < 300:
        return Outcome.DELIVERED
    return Outcome.REFUSED if status in _OF_THE_ITEM else Outcome.FAILED


def item_pause(tries: int, status: int | None) -> int | None:
    """Seconds until an item is tried again; ``None``: it is given up."""
    return None if status == _GONE else pause_after(tries)


def receiver_pause(failures: int) -> int:
    """Seconds that a receiver is left alone after so many failures in a row, at least 1.

    It never ends: a receiver that comes back after a month is served all the same.
    """
    return PAUSES[min(failures, len(PAUSES)) - 1]
