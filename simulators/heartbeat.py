"""Heartbeats as a gateway holds them, and the bytes that it publishes.

The encoder is the simulator's own: it shares no line with the service's decoder, so that the
two cannot share a mistake (``tests/unit/simulators/test_heartbeat.py`` has bytes written by hand).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from models.segment import State

#: Expectation of an element or message that is as it should be.
FINE = ""

_LOCAL = timezone(timedelta(hours=8))
_WORDS = {state: state.word for state in State}


# Not frozen: faults change fields in place, millions of times.
@dataclass(slots=True, kw_only=True)
class Heartbeat:
    """One heartbeat, or what a fault made of it."""

    #: Index in the city; -1: one that the registry does not know.
    instrument: int
    instrument_id: str
    #: The device's time, µs since 1970 UTC; whole milliseconds where ``text_ts`` is false.
    ts_us: int
    state: State
    power_w: float | None
    runtime_s: int | None
    energy_wh: float | None
    seq: int | None
    boot_id: str | None
    interval_s: float | None
    text_ts: bool = False
    #: JSON text that stands in the message instead of the fields.
    raw: bytes | None = None
    #: Reason for which the service must refuse ``raw``; empty: judge by the fields.
    expect: str = FINE
    #: Faults that changed it, for reading the ledger.
    fault: str = ""


@dataclass(slots=True, kw_only=True)
class Outgoing:
    """One MQTT message on its way."""

    gateway: int
    #: Counts the gateway's messages; part of the batch id.
    number: int
    topic: str
    payload: bytes
    beats: list[Heartbeat] = field(default_factory=list)
    #: Only envelopes have one, and only they are receipted.
    batch_id: str | None = None
    historical: bool = False
    retain: bool = False
    #: Reason for which the service must refuse the message as a whole; empty: it opens.
    expect: str = FINE
    #: How many heartbeats the refused message stands for.
    counts: int = 0
    fault: str = ""


def ts_text(ts_us: int) -> str:
    """RFC 3339 at +08:00, with as many digits as it takes, three at least."""
    at = datetime.fromtimestamp(ts_us // 1_000_000, UTC).astimezone(_LOCAL)
    fraction = f"{ts_us % 1_000_000:06}"
    if fraction.endswith("000"):
        fraction = fraction[:3]
    # strftime does not pad years before 1000 everywhere.
    return f"{at.year:04}-{at:%m-%dT%H:%M:%S}.{fraction}+08:00"


def encode_beat(beat: Heartbeat) -> bytes:
    """The heartbeat's JSON text."""
    if beat.raw is not None:
        return beat.raw
    ts = f'"{ts_text(beat.ts_us)}"' if beat.text_ts else str(beat.ts_us // 1_000)
    text = f'{{"instrument_id":"{beat.instrument_id}","ts":{ts},"state":"{_WORDS[beat.state]}"'
    if beat.power_w is not None:
        text += f',"power_w":{beat.power_w}'
    if beat.runtime_s is not None:
        text += f',"runtime_s":{beat.runtime_s}'
    if beat.energy_wh is not None:
        text += f',"energy_wh":{beat.energy_wh}'
    if beat.seq is not None:
        text += f',"seq":{beat.seq}'
    if beat.boot_id is not None:
        text += f',"boot_id":"{beat.boot_id}"'
    if beat.interval_s is not None:
        text += f',"interval_s":{beat.interval_s}'
    return (text + "}").encode()


def encode_array(beats: Sequence[Heartbeat]) -> bytes:
    """A bare array of heartbeats."""
    return b"[" + b",".join([encode_beat(beat) for beat in beats]) + b"]"


def encode_envelope(
    beats: Sequence[Heartbeat], *, batch_id: str, sent_at_us: int, historical: bool = False
) -> bytes:
    """An envelope, which the service receipts."""
    head = (
        f'{{"batch_id":"{batch_id}","sent_at":{sent_at_us // 1_000},'
        f'"historical":{"true" if historical else "false"},"heartbeats":'
    )
    return head.encode() + encode_array(beats) + b"}"


def status_payload(*, online: bool, mqtt_session: str, ts_us: int | None, will: bool) -> bytes:
    """A gateway's status, or its will."""
    text = f'{{"online":{"true" if online else "false"},"session":"{mqtt_session}"'
    if ts_us is not None:
        text += f',"ts":{ts_us // 1_000}'
    if will:
        text += ',"will":true'
    return (text + "}").encode()


def heartbeat_topic(gateway_id: str) -> str:
    """Where a gateway publishes heartbeats."""
    return f"instruments/v1/{gateway_id}/heartbeat"


def status_topic(gateway_id: str) -> str:
    """Where a gateway publishes its status; also its will's topic."""
    return f"instruments/v1/{gateway_id}/status"


def receipt_topic(gateway_id: str) -> str:
    """Where a gateway hears what became of its batches."""
    return f"instruments/v1/{gateway_id}/receipt"
