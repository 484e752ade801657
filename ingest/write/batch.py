"""The values that pass from step to step: messages in, arrivals between, outcomes out."""

import msgspec

from models.columns import Rows
from models.elements import elements
from models.fold import Row
from models.heartbeat import Heartbeat, Reason
from models.message import GatewayStatus, Message, Reject

# Structs, since there are one or more to every heartbeat; none can lie in a cycle (gc=False),
# so the garbage collector does not walk over a whole batch again and again.


class Inbound(msgspec.Struct, eq=False, gc=False):
    """One decoded message and where it came from."""

    gateway_id: str
    topic: str
    #: ``heartbeat``, ``status`` or ``native``.
    kind: str
    retained: bool
    #: Monotonic seconds of the arrival, or ``None`` where ``received_us`` is known (replay).
    arrived: float | None
    message: Message | None = None
    status: GatewayStatus | None = None
    #: What the message as a whole was refused for: a status, or a topic, that cannot be read.
    refused: Reject | None = None
    payload: bytes = b""
    #: The database's time of receipt; set inside the transaction.
    received_us: int = 0
    live: bool = True
    #: Of a device's message: its packet id in our session with the broker (0: none), and whether
    #: the broker may have handed it over under that id before.
    packet_id: int = 0
    again: bool = False
    _parts: tuple[bytes, ...] | None = None
    _newest_us: int | None = None

    def raw(self, index: int) -> bytes:
        """The heartbeat at ``index`` as it arrived; the message is parted once.

        Of a device's message that is all of it: what it says of one instrument at one time may
        be spread over it.
        """
        assert self.message is not None
        if self.kind == "native":
            return self.payload
        if self._parts is None:
            self._parts = elements(self.message.payload)
        return self._parts[index]

    @property
    def newest_us(self) -> int | None:
        """The newest time that a device named in it; ``None`` where none did, or could."""
        if self._newest_us is None and self.message is not None and self.message.heartbeats:
            heartbeats = self.message.heartbeats
            if isinstance(heartbeats, Rows):
                self._newest_us = heartbeats.newest_us
            elif len(heartbeats) == 1 and not heartbeats[0][1].receipt_time:
                self._newest_us = heartbeats[0][1].ts_us
            else:
                times = (one.ts_us for _, one in heartbeats if not one.receipt_time)
                self._newest_us = max(times, default=None)
        return self._newest_us

    @property
    def historical(self) -> bool:
        """Whether the gateway marked the message as history."""
        return self.message is not None and self.message.historical


class Outcome(msgspec.Struct, gc=False):
    """What became of one message, for its receipt."""

    stored: int = 0
    duplicates: int = 0
    errors: list[tuple[int | None, Reason]] = []  # each gets its own
    #: Heartbeats that the errors stand for.
    rejected: int = 0


class Arrival(Row, eq=False, kw_only=True, gc=False):
    """One heartbeat on its way into the database: a row of the fold, and where it came from."""

    inbound: Inbound
    outcome: Outcome
    index: int
    heartbeat: Heartbeat
    instrument_key: int
    gateway_key: int
    stale: bool = False
    #: What its message had of ``HISTORICAL`` and ``RETAINED``, and what it is itself, such as a
    #: ``SAMPLE`` (``models/heartbeat.py``); what the judge found is added.
    origin: int = 0


def flags_of(arrival: Arrival) -> int:
    """The bits that the arrival's row carries."""
    # LIVE and STALE are what the two say as numbers.
    return arrival.origin | arrival.live | arrival.stale << 1
