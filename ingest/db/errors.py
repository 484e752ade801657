"""What an error of a write asks of the pipeline (faults 10 to 14, 26)."""

from enum import Enum

import psycopg


class ClockLeaptError(Exception):
    """The database's clock leapt since it was looked at: nothing is to be judged by it (rule 7)."""


class Remedy(Enum):
    """What to do next with the batch."""

    #: The connection is gone: open another, try again.
    RECONNECT = "reconnect"
    #: The database cannot now, or its clock is in doubt: wait, try again, for ever.
    WAIT = "wait"
    #: Somebody wrote beside us: look every row up.
    LOOK_UP = "look_up"
    #: The registry is older than we are, or younger: load it again.
    RELOAD = "reload"
    #: One row may be at fault: find it.
    ISOLATE = "isolate"


#: Classes of SQLSTATE that say "not now": lack of resources, operator's intervention, system
#: error, transaction rolled back, object not in the right state, read-only transaction.
_WAIT_CLASSES = ("53", "57", "58", "40", "55", "25", "08", "XX", "F0", "42", "28", "3D", "0A")


def remedy(error: Exception) -> Remedy:
    """Classifies an error that a write raised.

    Only errors that speak of the data itself (class 22, 23 and 21) ever lead to a heartbeat
    being set aside; all else is tried again for ever.
    """
    if isinstance(error, ClockLeaptError):
        return Remedy.WAIT
    if not isinstance(error, psycopg.Error):
        return Remedy.ISOLATE
    state = error.sqlstate
    if state is None:
        # An encoding error of ours has no SQLSTATE either, but is a DataError.
        return Remedy.ISOLATE if isinstance(error, psycopg.DataError) else Remedy.RECONNECT
    if state == "23505":
        return Remedy.LOOK_UP
    if state == "23503":
        return Remedy.RELOAD
    if state.startswith(_WAIT_CLASSES):
        return Remedy.WAIT
    return Remedy.ISOLATE
