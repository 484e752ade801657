"""Topics taken apart: whose a message is, and of which kind."""

import re

#: ``native/#`` brings ``native`` itself, too.
_TOPIC = re.compile(r"instruments/v1/([^/]+)/(?:(heartbeat|status)|(native)(?:/.*)?)", re.DOTALL)
#: Topics taken apart are kept, as many as a few cities have gateways and devices; long ones, which
#: a device may name as it likes, are not.
_TOPICS_KEPT, _LONGEST_KEPT = 1 << 16, 128
_topics: dict[str, tuple[str, str]] = {}


def take_apart(topic: str) -> tuple[str, str]:
    """Gateway and kind; no gateway where the topic is none of ours."""
    known = _topics.get(topic)
    if known is not None:
        return known
    match = _TOPIC.fullmatch(topic)
    if match is None:
        return "", "status"
    gateway_id, kind = match[1], match[2] or match[3]
    if len(topic) <= _LONGEST_KEPT:
        if len(_topics) >= _TOPICS_KEPT:
            _topics.clear()
        _topics[topic] = gateway_id, kind
    return gateway_id, kind
