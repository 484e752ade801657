"""Typical messages, taken whole by strictly typed decoders.

What these refuse, or what breaks a rule that typing cannot check, is left to ``wire.py``, which
finds out whether anything is wrong. Whole batches of them become columns in ``wire_columns.py``.
"""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from models import fields
from models.columns import Rows
from models.elements import NOT_JSON
from models.heartbeat import Heartbeat
from models.identifier import is_instrument_id
from models.message import Message
from models.timestamp import (
    MalformedTimestampError,
    UnrepresentableTimestampError,
    from_millis,
    parse_ts,
)

MOST_HEARTBEATS: Final = 1_000  # a message


class Wire(msgspec.Struct, gc=False):
    """A heartbeat as typed as msgspec can check it; ``fields.py`` has the same rules."""

    instrument_id: str
    ts: str | int
    state: str | None = None
    power_w: Annotated[float, Meta(ge=fields.POWER_W[0], le=fields.POWER_W[1])] | None = None
    runtime_s: Annotated[float, Meta(ge=fields.RUNTIME_S[0], le=fields.RUNTIME_S[1])] | None = None
    energy_wh: Annotated[float, Meta(ge=fields.ENERGY_WH[0], le=fields.ENERGY_WH[1])] | None = None
    seq: Annotated[int, Meta(ge=0, le=fields.LARGEST_SEQ)] | None = None
    boot_id: Annotated[str, Meta(min_length=1, max_length=fields.LONGEST_TEXT)] | int | None = None
    interval_s: Annotated[float, Meta(ge=fields.INTERVAL_S[0], le=fields.INTERVAL_S[1])] | None = (
        None
    )


class StrictWire(Wire, forbid_unknown_fields=True, gc=False):
    """The same with nothing to count: no unknown fields."""


class StrictEnvelope(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A message with more than one heartbeat, or a name."""

    heartbeats: list[StrictWire]
    batch_id: Annotated[str, Meta(min_length=1, max_length=fields.LONGEST_TEXT)] | None = None
    sent_at: str | int | None = None
    historical: bool | None = None


decode_single = msgspec.json.Decoder(StrictWire).decode
_decode_array = msgspec.json.Decoder(list[StrictWire]).decode
_decode_envelope = msgspec.json.Decoder(StrictEnvelope).decode


# How an envelope most likely begins, and a single heartbeat cannot: a guess saves searching
# every message for "heartbeats".
_ENVELOPE_STARTS: Final = frozenset({b'{"bat', b'{"hea', b'{"his', b'{"sen'})


class NotTypicalError(ValueError):
    """The quick way does not take this; whether anything is wrong the careful way finds out."""


QUICK_REFUSALS = (
    *NOT_JSON,
    NotTypicalError,
    KeyError,  # no such state
    MalformedTimestampError,
    UnrepresentableTimestampError,
)


def typed(payload: bytes) -> tuple[list[StrictWire], StrictEnvelope | None]:
    """The heartbeats of a typical message, and its envelope where it has one.

    Raises:
        One of ``QUICK_REFUSALS``.
    """
    if payload[:1] == b"[":
        return _counted(_decode_array(payload)), None
    if payload[:5] not in _ENVELOPE_STARTS:
        try:
            return [decode_single(payload)], None
        except NOT_JSON:
            if b'"heartbeats"' not in payload:
                raise
    envelope = _decode_envelope(payload)
    if envelope.batch_id is not None and not envelope.batch_id.isprintable():
        raise NotTypicalError
    return _counted(envelope.heartbeats), envelope


def _counted(wires: list[StrictWire]) -> list[StrictWire]:
    if len(wires) > MOST_HEARTBEATS:
        raise NotTypicalError
    return wires


def message_of(
    heartbeats: list[tuple[int, Heartbeat]] | Rows, envelope: StrictEnvelope | None, payload: bytes
) -> Message:
    """A message all of whose heartbeats are taken.

    Raises:
        One of ``QUICK_REFUSALS``.
    """
    if envelope is None:
        return Message(heartbeats=heartbeats, rejects=[], total=len(heartbeats), payload=payload)
    sent_at = envelope.sent_at
    return Message(
        batch_id=envelope.batch_id,
        sent_at_us=None if sent_at is None else instant(sent_at),
        historical=envelope.historical is True,
        heartbeats=heartbeats,
        rejects=[],
        total=len(heartbeats),
        payload=payload,
    )


def instant(ts: str | int) -> int:
    """Microseconds since 1970 UTC.

    Raises:
        MalformedTimestampError: See ``parse_ts``.
        UnrepresentableTimestampError: Likewise.
    """
    return parse_ts(ts) if isinstance(ts, str) else from_millis(ts)


# The same instruments report again and again: matching each id once is a fifth of the price,
# and all their heartbeats share one string.
_STATES = fields.STATES
_IDS_KEPT = 1 << 16
_instrument_ids: dict[str, str] = {}


def known_id(text: str) -> str | None:
    """The id, one string for all its heartbeats; ``None`` where no instrument can be called so."""
    known = _instrument_ids.get(text)
    if known is None and is_instrument_id(text):
        if len(_instrument_ids) >= _IDS_KEPT:
            _instrument_ids.clear()
        _instrument_ids[text] = known = text
    return known


def known_ids(texts: Sequence[str]) -> list[str | None]:
    """The same of many."""
    found: list[str | None] = list(map(_instrument_ids.get, texts))
    if None in found:
        return list(map(known_id, texts))
    return found


def heartbeat_of(wire: Wire) -> Heartbeat:
    """What typing cannot check: id, time, state's word, the two forms of ``boot_id``.

    Raises:
        One of ``QUICK_REFUSALS``.
    """
    instrument_id = known_id(wire.instrument_id)
    if instrument_id is None:
        raise NotTypicalError
    ts = wire.ts
    state = wire.state
    if state is None and wire.power_w is None:
        raise NotTypicalError
    boot_id = wire.boot_id
    if boot_id is not None:
        if type(boot_id) is int:
            boot_id = str(boot_id)
            if len(boot_id) > fields.LONGEST_TEXT:
                raise NotTypicalError
        elif "\0" in boot_id:  # type: ignore[operator]  # mypy loses type() in a union
            raise NotTypicalError
    return Heartbeat(
        instrument_id=instrument_id,
        ts_us=parse_ts(ts) if type(ts) is str else from_millis(ts),  # type: ignore[arg-type]
        state=None if state is None else _STATES[state],
        power_w=wire.power_w,
        runtime_s=wire.runtime_s,
        energy_wh=wire.energy_wh,
        seq=wire.seq,
        boot_id=boot_id,  # type: ignore[arg-type]  # likewise
        interval_s=wire.interval_s,
    )
