"""Deliveries to inbound messages: whose it is, which kind, what it says. Never raises."""

import structlog

from ingest.mqtt.reader import Delivery
from ingest.write.batch import Inbound
from ingest.write.topics import take_apart
from models.heartbeat import Reason
from models.message import Reject
from models.wire import decode, decode_status

log = structlog.get_logger(__name__)


def decode_delivery(delivery: Delivery) -> Inbound:
    """Decodes one delivery; what even fails to be looked at is refused like what is malformed.

    Identity comes from the topic alone. A message on a topic that is none of ours (a
    subscription cannot bring one; a broker's bridge might) becomes a refused status.
    """
    topic, payload, retained = delivery.topic, delivery.payload, delivery.retained
    gateway_id, kind = take_apart(topic)
    inbound = Inbound(
        gateway_id, topic, kind, retained, delivery.arrived, None, None, None, payload
    )
    try:
        if kind == "heartbeat":
            inbound.message = message = decode(payload)
            inbound.live = not (retained or message.historical)
        elif not gateway_id:
            inbound.refused = _refusal(
                f"topic {topic!r} is not instruments/v1/GATEWAY/heartbeat, …/status or …/native/#",
                payload,
            )
        elif kind == "native":
            # What it says depends on the registry, which is the transaction's (``native.py``).
            inbound.live = not retained
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
