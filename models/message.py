"""What gateways and Jishi say to one another, as values.

``wire.py`` makes them of bytes and bytes of them; a single heartbeat is in ``heartbeat.py``.
"""

from dataclasses import dataclass

import msgspec

from models.columns import Rows
from models.elements import elements
from models.heartbeat import Heartbeat, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """What could not be taken, on its way to the dead letters."""

    #: Place in the message, from 0; ``None`` is the whole message.
    index: int | None
    reason: Reason
    #: For people: the field, its value and the rule that it breaks.
    detail: str
    #: The heartbeat, or the message, as it arrived.
    payload: bytes
    #: Where it could be read.
    instrument_id: str | None = None
    #: The device's time where it could be read; microseconds since 1970 UTC.
    ts_us: int | None = None
    #: How many heartbeats it stands for: 1, or those of the whole message, as far as countable.
    heartbeats: int = 1


# A Struct for the same reason as Heartbeat: often there is one message to each.
class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A gateway's heartbeat message, decoded: every heartbeat of it is taken or rejected."""

    batch_id: str | None = None
    #: When the gateway says that it sent the batch; microseconds since 1970 UTC.
    sent_at_us: int | None = None
    #: The sender says: history, not signs of life.
    historical: bool = False
    #: Place in the message, from 0, and heartbeat; in the message's order. Those of a batch that
    #: was decoded as a whole are rows of its columns.
    heartbeats: list[tuple[int, Heartbeat]] | Rows
    rejects: list[Reject]
    #: All that the message stands for: taken and rejected.
    total: int
    #: Fields ignored because the contract does not know them.
    unknown_fields: int = 0
    #: The message as it arrived.
    payload: bytes

    @property
    def refused_whole(self) -> bool:
        """Whether nothing of it could be taken, for what it is itself."""
        return bool(self.rejects) and self.rejects[0].index is None

    def raw(self, index: int) -> bytes:
        """The heartbeat at ``index`` as it arrived, for dead letters that are found later.

        Raises:
            IndexError: the message has no such heartbeat.
            elements.NotJsonError: the message could not be parted into heartbeats.
        """
        return elements(self.payload)[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayStatus:
    """A gateway's own word, or its will's, on whether it is there."""

    online: bool
    #: Which of the gateway's connections speaks: its will must not end the next one.
    mqtt_session: str | None = None
    #: The gateway's time; microseconds since 1970 UTC.
    ts_us: int | None = None
    #: Said by the broker in its place.
    will: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a batch, once it is committed; counts are heartbeats."""

    #: ``None``: the message could not be read that far, and `payload_sha256` names it.
    batch_id: str | None
    stored: int
    #: Already stored, or already recorded as a conflict.
    duplicates: int
    rejected: int
    #: Place in the batch (``None``: all of it) and reason of each reject.
    errors: tuple[tuple[int | None, Reason], ...] = ()
    #: The database's time; microseconds since 1970 UTC.
    server_time_us: int
    #: The digest of the message as it arrived, in hex.
    payload_sha256: str | None = None
