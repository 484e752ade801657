"""Deliveries to inbound messages: whose it is, which kind, what it says. Never raises."""

import re

import structlog

from ingest.batch import Inbound
from ingest.reader import Delivery
from models.heartbeat import Reason
from models.message import Reject
from models.wire import decode, decode_status

log = structlog.get_logger(__name__)

_TOPIC = re.compile(r"instruments/v1/([^/]+)/(heartbeat|status)")


def decode_delivery(delivery: Delivery) -> Inbound:
    """Decodes one delivery; what even fails to be looked at is refused like what is malformed.

    Identity comes from the topic alone. A message on a topic that is none of ours (a
    subscription cannot bring one; a broker's bridge might) becomes a refused status.
    """
    inbound = Inbound(
        gateway_id="",
        topic=delivery.topic,
        kind="status",
        retained=delivery.retained,
        arrived=delivery.arrived,
        payload=delivery.payload,
    )
    try:
        _decode(delivery, inbound)
    except Exception as error:
        # A bug of ours: it must cost this message alone, and not stop the intake for ever.
        log.exception("message not decoded", action="decode", topic=delivery.topic)
        inbound.kind, inbound.message, inbound.status = "status", None, None
        inbound.refused = Reject(
            index=None,
            reason=Reason.MALFORMED,
            detail=f"cannot be decoded: {type(error).__name__}: {error}",
            payload=delivery.payload,
        )
    return inbound


def _decode(delivery: Delivery, inbound: Inbound) -> None:
    match = _TOPIC.fullmatch(delivery.topic)
    if match is not None:
        inbound.gateway_id, inbound.kind = match.groups()
    if match is None:
        inbound.refused = Reject(
            index=None,
            reason=Reason.MALFORMED,
            detail=f"topic {delivery.topic!r} is not instruments/v1/GATEWAY/heartbeat or …/status",
            payload=delivery.payload,
        )
    elif inbound.kind == "heartbeat":
        inbound.message = decode(delivery.payload)
        inbound.live = not (delivery.retained or inbound.message.historical)
    elif delivery.payload:
        said = decode_status(delivery.payload)
        if isinstance(said, Reject):
            inbound.refused = said
        else:
            inbound.status = said
