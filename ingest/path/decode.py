"""Deliveries to inbound messages: whose it is, which kind, what it says. Never raises."""

from collections.abc import Sequence

import structlog

from ingest.mqtt.reader import Delivery
from ingest.write.batch import Inbound
from ingest.write.topics import take_apart
from models.heartbeat import Reason
from models.message import Reject
from models.wire import decode, decode_status
from models.wire_columns import decode_all

log = structlog.get_logger(__name__)


def decode_deliveries(deliveries: Sequence[Delivery]) -> list[Inbound]:
    """Decodes a batch of deliveries; one that even fails to be looked at is refused as malformed.

    Identity comes from the topic alone. A message on a topic that is none of ours (a
    subscription cannot bring one; a broker's bridge might) becomes a refused status.
    """
    apart = [take_apart(delivery.topic) for delivery in deliveries]
    payloads = [
        delivery.payload
        for delivery, (_, kind) in zip(deliveries, apart, strict=True)
        if kind == "heartbeat"
    ]
    try:
        messages = iter(decode_all(payloads))
    except Exception:
        # A bug of ours: it must cost one message alone.
        log.exception("batch not decoded", action="decode", messages=len(payloads))
        messages = iter(map(decode, payloads))
    inbounds = []
    for delivery, (gateway_id, kind) in zip(deliveries, apart, strict=True):
        inbound = Inbound(
            gateway_id,
            delivery.topic,
            kind,
            delivery.retained,
            delivery.arrived,
            None,
            None,
            None,
            delivery.payload,
        )
        if kind == "heartbeat":
            inbound.message = message = next(messages)
            inbound.live = not (delivery.retained or message.historical)
        else:
            _read(inbound, delivery)
        inbounds.append(inbound)
    return inbounds


def _read(inbound: Inbound, delivery: Delivery) -> None:
    """Reads what is no heartbeat message."""
    topic, payload = delivery.topic, delivery.payload
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


def _refusal(detail: str, payload: bytes) -> Reject:
    return Reject(index=None, reason=Reason.MALFORMED, detail=detail, payload=payload)
