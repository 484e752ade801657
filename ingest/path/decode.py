"""Deliveries to inbound messages: whose it is, which kind, what it says. Never raises."""

import re

import structlog

from ingest.mqtt.reader import Delivery
from ingest.write.batch import Inbound
from models.heartbeat import Reason
from models.message import Reject
from models.wire import decode, decode_status

log = structlog.get_logger(__name__)

_TOPIC = re.compile(r"instruments/v1/([^/]+)/(heartbeat|status)")
#: Topics taken apart are kept, as many as a few cities have gateways.
_TOPICS_KEPT = 1 << 16
_topics: dict[str, tuple[str, str]] = {}


def decode_delivery(delivery: Delivery) -> Inbound:
    """Decodes one delivery; what even fails to be looked at is refused like what is malformed.

    Identity comes from the topic alone. A message on a topic that is none of ours (a
    subscription cannot bring one; a broker's bridge might) becomes a refused status.
    """
    topic, payload, retained = delivery.topic, delivery.payload, delivery.retained
    gateway_id, kind = _topics.get(topic) or _take_apart(topic)
    inbound = Inbound(
        gateway_id, topic, kind, retained, delivery.arrived, None, None, None, payload
    )
    try:
        if kind == "heartbeat":
            inbound.message = message = decode(payload)
            inbound.live = not (retained or message.historical)
        elif not gateway_id:
            inbound.refused = _refusal(
                f"topic {topic!r} is not instruments/v1/GATEWAY/heartbeat or …/status", payload
            )
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


def _take_apart(topic: str) -> tuple[str, str]:
    """Gateway and kind; no gateway where the topic is none of ours."""
    match = _TOPIC.fullmatch(topic)
    if match is None:
        return "", "status"
    if len(_topics) >= _TOPICS_KEPT:
        _topics.clear()
    gateway_id, kind = match.groups()
    _topics[topic] = gateway_id, kind
    return gateway_id, kind


def _refusal(detail: str, payload: bytes) -> Reject:
    return Reject(index=None, reason=Reason.MALFORMED, detail=detail, payload=payload)
