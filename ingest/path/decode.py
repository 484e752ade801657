"""Deliveries to inbound messages: whose it is, which kind, what it says. Never raises."""

from collections.abc import Sequence

import numpy as np
import structlog

from ingest.mqtt.reader import Delivery
from ingest.write.batch import Inbound
from ingest.write.inbounds import Inbounds
from ingest.write.topics import take_apart
from models.heartbeat import Reason
from models.message import Reject
from models.messages import Messages
from models.wire import decode, decode_status
from models.wire_columns import decode_all

log = structlog.get_logger(__name__)


def decode_deliveries(deliveries: Sequence[Delivery]) -> Inbounds:
    """Decodes a batch of deliveries; one that even fails to be looked at is refused as malformed.

    Identity comes from the topic alone. A message on a topic that is none of ours (a
    subscription cannot bring one; a broker's bridge might) becomes a refused status.
    """
    topics = [delivery.topic for delivery in deliveries]
    payloads = [delivery.payload for delivery in deliveries]
    apart = list(map(take_apart, topics))
    others = {
        place: _read(deliveries[place], gateway_id, kind)
        for place, (gateway_id, kind) in enumerate(apart)
        if kind != "heartbeat"
    }
    beats = payloads
    if others:
        beats = [payload for place, payload in enumerate(payloads) if place not in others]
    try:
        messages = decode_all(beats)
    except Exception:
        # A bug of ours: it must cost one message alone.
        log.exception("batch not decoded", action="decode", messages=len(beats))
        messages = Messages.apart(list(map(decode, beats)))
    return Inbounds.decoded(
        [gateway_id for gateway_id, _ in apart],
        topics,
        payloads,
        np.array([delivery.retained for delivery in deliveries], np.bool_),
        np.array([delivery.arrived for delivery in deliveries], np.float64),
        messages,
        others,
    )


def _read(delivery: Delivery, gateway_id: str, kind: str) -> Inbound:
    """Reads what is no heartbeat message."""
    topic, payload = delivery.topic, delivery.payload
    inbound = Inbound(gateway_id, topic, kind, delivery.retained, delivery.arrived, payload=payload)
    try:
        if not inbound.gateway_id:
            inbound.refused = _refusal(
                f"topic {topic!r} is not instruments/v1/GATEWAY/heartbeat, …/status or …/native/#",
                payload,
            )
        elif inbound.kind == "native":
            # What it says depends on the registry, which is the transaction's (``native.py``).
            inbound.live = not delivery.retained
            if delivery.token is not None:
                inbound.packet_id, inbound.again = delivery.token.packet_id, delivery.again
        elif payload:
            said = decode_status(payload)
            if isinstance(said, Reject):
                inbound.refused = said
            else:
                inbound.status = said
    except Exception as error:
        # A bug of ours: it must cost this message alone, and not stop the intake for ever.
        log.exception("message not decoded", action="decode", topic=topic)
        inbound.kind, inbound.message, inbound.status = "status", None, None
        inbound.refused = _refusal(f"cannot be decoded: {type(error).__name__}: {error}", payload)
    return inbound


def _refusal(detail: str, payload: bytes) -> Reject:
    return Reject(index=None, reason=Reason.MALFORMED, detail=detail, payload=payload)
