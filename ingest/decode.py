"""Deliveries to inbound messages: whose it is, which kind, what it says. Never raises."""

import re

from ingest.batch import Inbound
from ingest.reader import Delivery
from models.heartbeat import Reason
from models.message import Reject
from models.wire import decode, decode_status

_TOPIC = re.compile(r"instruments/v1/([^/]+)/(heartbeat|status)")


def decode_delivery(delivery: Delivery) -> Inbound:
    """Decodes one delivery.

    Identity comes from the topic alone. A message on a topic that is none of ours (a
    subscription cannot bring one; a broker's bridge might) becomes a refused status.
    """
    match = _TOPIC.fullmatch(delivery.topic)
    gateway_id, kind = match.groups() if match else ("", "status")
    inbound = Inbound(
        gateway_id=gateway_id,
        topic=delivery.topic,
        kind=kind,
        retained=delivery.retained,
        arrived=delivery.arrived,
        payload=delivery.payload,
    )
    if match is None:
        inbound.refused = Reject(
            index=None,
            reason=Reason.MALFORMED,
            detail=f"topic {delivery.topic!r} is not instruments/v1/GATEWAY/heartbeat or …/status",
            payload=delivery.payload,
        )
    elif kind == "heartbeat":
        inbound.message = decode(delivery.payload)
        inbound.live = not (delivery.retained or inbound.message.historical)
    elif delivery.payload:
        said = decode_status(delivery.payload)
        if isinstance(said, Reject):
            inbound.refused = said
        else:
            inbound.status = said
    return inbound
