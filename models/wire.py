"""Bytes from and for MQTT: heartbeat messages, gateways' status, receipts.

A message is first taken whole by strictly typed decoders (``wire_typed.py``), which costs about
as much as looking at its bytes. What they refuse is parted (``elements.py``) and taken one
heartbeat at a time, and what is refused again is read field by field (``fields.py``), so that the
sender hears which field broke which rule and its neighbours are kept. The values are in
``message.py``.

All three ways must agree: a rule that changes in ``fields.py`` changes in ``Wire`` too. Whole
batches are taken by ``wire_columns.py``.
"""

from contextlib import suppress
from typing import Final

import msgspec

from models import fields
from models.elements import NOT_JSON, NotJsonError, bare, object_members, outline
from models.fields import BadFieldError, BadHeartbeatError, examine, optional, shown
from models.heartbeat import Heartbeat, Reason, canonical_encoding
from models.message import GatewayStatus, Message, Receipt, Reject
from models.timestamp import format_ts
from models.wire_typed import (
    MOST_HEARTBEATS,
    QUICK_REFUSALS,
    Wire,
    heartbeat_of,
    message_of,
    typed,
)

__all__ = [
    "MOST_BYTES",
    "MOST_HEARTBEATS",
    "GatewayStatus",
    "Message",
    "Receipt",
    "Reject",
    "canonical_encoding",
    "decode",
    "decode_status",
    "encode_receipt",
    "format_ts",
]

MOST_BYTES: Final = 1 << 20  # 1 MiB a message

#: A message too large to take is still opened for its batch id and count up to this size
#: (bytes); counting more would cost more memory than the count is worth.
_MOST_COUNTED: Final = 8 << 20


class _Something(msgspec.Struct, gc=False):
    """Any object, for counting."""


class _Countable(msgspec.Struct, gc=False):
    heartbeats: list[_Something]


class _BatchId(msgspec.Struct, gc=False):
    batch_id: msgspec.Raw


_decode_lenient = msgspec.json.Decoder(Wire).decode
_decode_names = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_count_array = msgspec.json.Decoder(list[_Something]).decode
_count_envelope = msgspec.json.Decoder(_Countable).decode
_find_batch_id = msgspec.json.Decoder(_BatchId).decode


def decode(payload: bytes) -> Message:
    """Decode what a gateway published on its ``heartbeat`` topic.

    Args:
        payload: Whatever arrived.

    Returns:
        The message; what is wrong with it, or with single heartbeats, stands in ``rejects``.
        Never raises: one that did would come back after every reconnect.
    """
    try:
        if len(payload) > MOST_BYTES:
            return _too_many_bytes(payload)
        message = decode_quickly(payload)
        return decode_carefully(payload) if message is None else message
    except Exception as error:  # a bug of ours must not stop the intake; the payload is kept
        return _rejected(payload, Reason.MALFORMED, f"message cannot be decoded: {error!r}")


def decode_quickly(payload: bytes) -> Message | None:
    """Decode a typical message: at most 1 MiB, well-formed, without unknown fields.

    Returns:
        The message; ``None`` leaves it to ``decode_carefully``.
    """
    try:
        wires, envelope = typed(payload)
        return message_of(list(enumerate(map(heartbeat_of, wires))), envelope, payload)
    except QUICK_REFUSALS:
        return None


def decode_carefully(payload: bytes) -> Message:
    """Decode any message of at most 1 MiB, heartbeat by heartbeat."""
    try:
        parted = outline(payload)
    except NotJsonError as error:
        return _rejected(payload, Reason.MALFORMED, f"message {error}")
    elements = parted.elements
    count = 1 if elements is None else max(1, len(elements))
    members = parted.envelope or {}
    batch_id: str | None = None
    problem: tuple[Reason, str] | None = None
    try:
        batch_id = optional(members, "batch_id", fields.batch_id)
    except BadFieldError as bad:
        problem = bad.reason, f"batch_id is {shown(members['batch_id'])}; {bad}"
    if elements is None:
        return _rejected(
            payload,
            Reason.MALFORMED,
            "heartbeats must be an array of heartbeats",
            batch_id=batch_id,
        )
    if len(elements) > MOST_HEARTBEATS:
        problem = (
            Reason.TOO_LARGE,
            f"message has {len(elements):,} heartbeats; at most {MOST_HEARTBEATS:,} are allowed",
        )
    sent_at_us: int | None = None
    historical: bool | None = None
    name = "sent_at"
    try:
        sent_at_us = optional(members, name, fields.instant)
        name = "historical"
        historical = optional(members, name, fields.boolean)
    except BadFieldError as bad:
        problem = problem or (bad.reason, f"{name} is {shown(members[name])}; {bad}")
    if problem is not None:
        reason, detail = problem
        return _rejected(payload, reason, detail, batch_id=batch_id, heartbeats=count)

    heartbeats: list[tuple[int, Heartbeat]] = []
    rejects: list[Reject] = []
    unknown_fields = len(members.keys() - {"batch_id", "sent_at", "historical"})
    for index, raw in enumerate(elements):
        try:
            heartbeat, unknown = _take(raw) or examine(raw)
        except BadHeartbeatError as bad:
            rejects.append(
                Reject(
                    index=index,
                    reason=bad.reason,
                    detail=str(bad),
                    payload=raw,
                    instrument_id=bad.instrument_id,
                    ts_us=bad.ts_us,
                )
            )
        else:
            heartbeats.append((index, heartbeat))
            unknown_fields += unknown
    return Message(
        batch_id=batch_id,
        sent_at_us=sent_at_us,
        historical=historical is True,
        heartbeats=heartbeats,
        rejects=rejects,
        total=len(elements),
        unknown_fields=unknown_fields,
        payload=payload,
    )


def _take(raw: bytes) -> tuple[Heartbeat, int] | None:
    """One heartbeat that may have unknown fields, and their number; ``None``: examine it."""
    try:
        heartbeat = heartbeat_of(_decode_lenient(raw))
        return heartbeat, len(_decode_names(raw).keys() - fields.KNOWN)
    except QUICK_REFUSALS:
        return None


def _rejected(
    payload: bytes,
    reason: Reason,
    detail: str,
    *,
    batch_id: str | None = None,
    heartbeats: int = 1,
) -> Message:
    """A message of which nothing is taken."""
    reject = Reject(
        index=None, reason=reason, detail=detail, payload=payload, heartbeats=heartbeats
    )
    return Message(
        batch_id=batch_id, heartbeats=[], rejects=[reject], total=heartbeats, payload=payload
    )


def _too_many_bytes(payload: bytes) -> Message:
    heartbeats = 1
    batch_id: str | None = None
    if len(payload) <= _MOST_COUNTED:
        text = bare(payload)
        with suppress(*NOT_JSON):
            heartbeats = len(_count_array(text))
        with suppress(BadFieldError, *NOT_JSON):
            batch_id = fields.batch_id(bytes(_find_batch_id(text).batch_id))
        with suppress(*NOT_JSON):
            heartbeats = len(_count_envelope(text).heartbeats)
    return _rejected(
        payload,
        Reason.TOO_LARGE,
        f"message has {len(payload):,} bytes; at most {MOST_BYTES:,} (1 MiB) are allowed",
        batch_id=batch_id,
        heartbeats=max(1, heartbeats),
    )


def decode_status(payload: bytes) -> GatewayStatus | Reject:
    """Decode what a gateway, or its will, published on its ``status`` topic.

    Args:
        payload: Whatever arrived.

    Returns:
        The status, or the reject that says what is wrong. Never raises.
    """
    reason = Reason.MALFORMED
    try:
        if len(payload) > MOST_BYTES:
            reason = Reason.TOO_LARGE
            detail = f"status has {len(payload):,} bytes; at most {MOST_BYTES:,} are allowed"
        else:
            return _status(payload)
    except BadHeartbeatError as bad:
        reason, detail = bad.reason, str(bad)
    except Exception as error:  # as in decode
        detail = f"status cannot be decoded: {error!r}"
    return Reject(index=None, reason=reason, detail=detail, payload=payload, heartbeats=0)


def _status(payload: bytes) -> GatewayStatus:
    try:
        members, broken = object_members(bare(payload))
    except NotJsonError as error:
        raise BadHeartbeatError(Reason.MALFORMED, f"status {error}") from error
    if broken is not None:
        raise BadHeartbeatError(Reason.MALFORMED, f"status {broken}")
    name = "online"
    try:
        online = optional(members, name, fields.boolean)
        name = "session"
        mqtt_session = optional(members, name, fields.label)
        name = "ts"
        ts_us = optional(members, name, fields.instant)
        name = "will"
        will = optional(members, name, fields.boolean)
    except BadFieldError as bad:
        raise BadHeartbeatError(bad.reason, f"{name} is {shown(members[name])}; {bad}") from bad
    if online is None:
        raise BadHeartbeatError(Reason.MALFORMED, "online is missing; every status has it")
    return GatewayStatus(online=online, mqtt_session=mqtt_session, ts_us=ts_us, will=will is True)


_encode = msgspec.json.Encoder().encode


def encode_receipt(receipt: Receipt) -> bytes:
    """A receipt as published on the gateway's ``receipt`` topic: compact JSON."""
    named = {} if receipt.payload_sha256 is None else {"payload_sha256": receipt.payload_sha256}
    return _encode(
        {
            "batch_id": receipt.batch_id,
            **named,
            "stored": receipt.stored,
            "duplicates": receipt.duplicates,
            "rejected": receipt.rejected,
            "errors": [
                {"index": index, "reason": reason.value} for index, reason in receipt.errors
            ],
            "server_time": format_ts(receipt.server_time_us),
        }
    )
