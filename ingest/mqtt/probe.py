"""Proves delivery: what this worker publishes has to come back to it as a heartbeat would.

A broker may grant every subscription and deliver nothing: Mosquitto looks at what an account may
read only when it hands a message over. So the worker speaks on the topics of a gateway that
cannot exist, its own account's name (which has a dot, as no gateway's has), and listens there.
The access list's patterns, by which gateways write and workers read, decide about these topics
as about any other. No socket and no clock in here: ``network_thread.py`` asks and tells.

At QoS 0, so that a probe waits behind no window, is kept for nobody who is away, and wants no
acknowledgement. Whatever reads all gateways' topics gets it as well: it carries no heartbeat.
"""

from ingest.mqtt.refusal import shown
from ingest.mqtt.share import KINDS

EVERY = 5.0  # seconds between two probes
#: Seconds of reading without one that came back until delivery is taken to have ended.
LOST_AFTER = 20.0
#: What decides whether this worker listens: the rest is told when it is lacking.
VITAL = "heartbeat"
#: Harmless to whoever takes it for a gateway's word.
_PAYLOADS = {"heartbeat": b'{"heartbeats":[]}'}


def probe_topics(account: str) -> dict[str, str]:
    """The topics that an account proves itself on, by kind.

    No gateway's name has a dot, or begins with a hyphen. An account that has no dot gets none:
    brokers whose own topics are parted by dots, as RabbitMQ's, would part the name.
    """
    name = account if "." in account else f"-{account}"
    if any(mark in name for mark in "/+#"):
        name = "-probe"
    return {kind: f"instruments/v1/{name}/{kind.replace('#', 'probe')}" for kind in KINDS}


def is_probe(topic: str, payload: bytes) -> bool:
    """Whether a message at QoS 0 is a probe, this worker's or another's.

    It is none where a gateway could have said it.
    """
    parts = topic.split("/", 3)
    if len(parts) < 4 or not ("." in parts[2] or parts[2].startswith("-")):
        return False
    return payload == _PAYLOADS.get(parts[3], b"")


class Probe:
    """What came back, of one connection after the other; the network thread's own."""

    def __init__(self, account: str) -> None:
        """Prepares.

        Args:
            account: The user name, else the client id.
        """
        self.account = account
        self._kinds = {topic: kind for kind, topic in probe_topics(account).items()}
        self._sent = float("-inf")
        self._came: dict[str, float] = {}
        self._began = 0.0
        #: Whether heartbeats reach us, as far as is known.
        self.proven = False
        #: Kinds of which nothing comes back, and why that is so; empty while all is well.
        self.lacking = ""

    @property
    def topics(self) -> list[str]:
        """What has to be subscribed to, at QoS 0."""
        return list(self._kinds)

    def begin(self, now: float) -> None:
        """A connection was made, or ended: nothing is proven on it yet."""
        self._sent = float("-inf")
        self._came.clear()
        self._began = now
        self.proven = False

    def due(self, now: float) -> list[tuple[str, bytes]]:
        """(topic, payload) to publish now at QoS 0; mostly none."""
        if now - self._sent < (EVERY if self.proven else EVERY / 5):
            return []
        self._sent = now
        return [(topic, _PAYLOADS.get(kind, b"")) for topic, kind in self._kinds.items()]

    def heard(self, topic: str, now: float) -> None:
        """A probe came."""
        kind = self._kinds.get(topic)
        if kind is None:
            return
        self._came[kind] = now
        self.proven = self.proven or kind == VITAL

    def excuse(self, seconds: float) -> None:
        """For so long nothing was read: nothing follows from what did not come."""
        self._began += seconds
        self._came = {kind: came + seconds for kind, came in self._came.items()}

    def judge(self, now: float) -> None:
        """Draws the conclusion from what did not come."""
        late = [
            kind
            for kind in KINDS
            if now - self._came.get(kind, self._began)
            > (LOST_AFTER if kind in self._came else EVERY)
        ]
        if VITAL in late:
            self.proven = False
        self.lacking = self._complaint(late) if late else ""

    def _complaint(self, kinds: list[str]) -> str:
        shown_account = shown(self.account)
        rights = ", ".join(f"read instruments/v1/+/{kind}" for kind in kinds)
        topics = ", ".join(topic for topic, kind in self._kinds.items() if kind in kinds)
        topics = topics.replace(self.account, shown_account)
        return (
            f"nothing comes back of what the account {shown_account!r} publishes to {topics}:"
            f" the broker's access list has to give it {rights} (and to write these topics)"
        )
