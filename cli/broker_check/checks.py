"""What Jishi relies on in a broker, each asked of a real one.

No account has two connections at a time but where that is the question: brokers may tie client
ids to user names, and a second connection then ends the first.

A check returns what was seen, or raises `Failed` with what it means. All that is published are
empty envelopes of the gateway named, which an ingest that listens receipts and stores nothing of.
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from cli.broker_check.party import Account, Party, Refused

QUEUED = 2_000  # messages while ingest is away
LARGEST = 1 << 20  # bytes of a payload that ingest takes
NARROW = 5  # of a receive maximum
SHORT = 1.5  # seconds in which what must not come would have come


class Failed(Exception):  # noqa: N818 - named after what a check did
    """The broker does otherwise; says what, and what follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Who asks: an ingest worker, a gateway, and another gateway."""

    ingest: Account
    gateway: Account
    other: Account
    #: Of this run: client ids of two runs never meet.
    mark: str = field(default_factory=lambda: secrets.token_hex(4))

    def id(self, name: str) -> str:
        """A client id."""
        return f"jishi-check-{name}-{self.mark}"

    def topic(self, kind: str = "heartbeat", of: Account | None = None) -> str:
        """A topic of a gateway; its user name is its id."""
        return f"instruments/v1/{(of or self.gateway).user}/{kind}"


Check: TypeAlias = Callable[[Accounts], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One line of the table."""

    name: str
    check: Check
    #: What to do where it fails.
    remedy: str
    #: Whether Jishi does without, under what condition.
    optional: str = ""


def payload(number: int) -> bytes:
    """An empty envelope."""
    return json.dumps({"batch_id": f"broker-check-{number}", "heartbeats": []}).encode()


def mqtt5(who: Accounts) -> str:
    """It speaks MQTT 5, with QoS 1 and retained messages."""
    with Party(who.ingest, who.id("hello")) as party:
        told = party.properties
        if getattr(told, "MaximumQoS", 2) < 1:
            raise Failed("the most it takes is QoS 0")
        if getattr(told, "RetainAvailable", 1) == 0:
            raise Failed("it keeps no retained messages")
        if getattr(told, "WildcardSubscriptionAvailable", 1) == 0:
            raise Failed("it takes no wildcards in subscriptions")
        largest = getattr(told, "MaximumPacketSize", None)
        return "MQTT 5" + (f", packets up to {largest} bytes" if largest else "")


def passwords(who: Accounts) -> str:
    """A wrong password is refused."""
    try:
        Party(who.gateway, who.id("stranger"), password=secrets.token_hex(8)).close()
    except Refused:
        return "a wrong password is refused"
    raise Failed(f"{who.gateway.user} came in with a wrong password")


def session(who: Accounts) -> str:
    """A session outlives its connection, with what came meanwhile, in order."""
    me = who.id("session")
    party = Party(who.ingest, me, keep=True)
    try:
        if not party.subscribe(who.topic()):
            raise Failed(f"{who.ingest.user} may not subscribe to {who.topic()} at QoS 1")
        party.drop()
        sent = [payload(number) for number in range(QUEUED)]
        with Party(who.gateway, who.gateway.user) as gateway:
            gateway.publish_all(who.topic(), sent)
        party = Party(who.ingest, me, keep=True)
        if not party.session_present:
            raise Failed("the session was gone when its client came back")
        got = party.wait_for(QUEUED)
        # A repeat is allowed, a gap or another order is not.
        if list(dict.fromkeys(got)) != sent:
            raise Failed(f"{len(set(got))} of {QUEUED} messages came, or in another order")
        return f"{QUEUED} messages queued, all came, in order"
    finally:
        party.close()
        Party(who.ingest, me).close()


def again(who: Accounts) -> str:
    """What was not acknowledged comes again."""
    me = who.id("again")
    party = Party(who.ingest, me, keep=True, acknowledging=False)
    try:
        party.subscribe(who.topic())
        with Party(who.gateway, who.gateway.user) as gateway:
            gateway.publish_all(who.topic(), [payload(number) for number in range(3)])
        first = party.wait_for(3)
        party.drop()
        party = Party(who.ingest, me, keep=True)
        second = party.wait_for(3)
        if first != second[:3] or len(first) < 3:
            raise Failed(f"{len(first)} messages came, and {len(second)} of them again")
        return "unacknowledged messages come again"
    finally:
        party.close()
        Party(who.ingest, me).close()


def window(who: Accounts) -> str:
    """No more is in flight than the client allows."""
    with Party(who.ingest, who.id("window"), window=NARROW, acknowledging=False) as party:
        party.subscribe(who.topic())
        with Party(who.gateway, who.gateway.user) as gateway:
            gateway.publish_all(who.topic(), [payload(number) for number in range(NARROW * 3)])
        party.wait_for(NARROW)
        if party.more_than(NARROW, SHORT) or len(party.got) < NARROW:
            raise Failed(f"receive maximum {NARROW}, and {len(party.got)} came unacknowledged")
        return f"receive maximum of {NARROW} kept to"


def retained(who: Accounts) -> str:
    """What is retained is told as such, what is live is not."""
    topic, word = who.topic("status"), b'{"online": true, "session": "broker-check"}'
    with Party(who.gateway, who.gateway.user) as gateway:
        try:
            with Party(who.ingest, who.id("live")) as live:
                live.subscribe(topic)
                live.wait_for(1, SHORT)  # what an earlier gateway left there
                before = len(live.got)
                gateway.publish(topic, word, retain=True)
                live.wait_for(before + 1)
                if len(live.got) <= before or live.got[-1].retain:
                    raise Failed("what is published now arrives as if it had been retained")
            with Party(who.ingest, who.id("late")) as late:
                late.subscribe(topic)
                if late.wait_for(1) != [word] or not late.got[0].retain:
                    raise Failed("a retained message does not reach who subscribes later")
        finally:
            gateway.publish(topic, b"", retain=True)
    return "retained messages are kept and marked"


def retained_at_large(who: Accounts) -> str:
    """What is retained also reaches who subscribes by a wildcard, as ingest does."""
    topic, word = who.topic("status"), b'{"online": true, "session": "broker-check"}'
    with Party(who.gateway, who.gateway.user) as gateway:
        gateway.publish(topic, word, retain=True)
        try:
            with Party(who.ingest, who.id("wide")) as wide:
                wide.subscribe("instruments/v1/+/status")
                wide.wait_for(1 << 30, SHORT)
                if topic not in {message.topic for message in wide.got if message.retain}:
                    raise Failed("a retained message does not reach instruments/v1/+/status")
        finally:
            gateway.publish(topic, b"", retain=True)
    return "retained messages reach wildcards"


def wills(who: Accounts) -> str:
    """The broker speaks a will when a connection breaks."""
    topic, word = who.topic("status"), b'{"online": false, "session": "broker-check", "will": true}'
    with Party(who.ingest, who.id("will")) as party:
        party.subscribe(topic)
        Party(who.gateway, who.gateway.user, will=(topic, word)).drop()
        if word not in party.wait_for(1):
            raise Failed("no will came when a gateway's connection broke")
    return "a will is spoken"


def writing(who: Accounts) -> str:
    """A gateway writes its own topics alone."""
    with Party(who.ingest, who.id("ear")) as party:
        party.subscribe(who.topic(), who.topic(of=who.other))
        for topic in (who.topic(of=who.other), who.topic()):
            with Party(who.gateway, who.gateway.user) as gateway:
                gateway.publish(topic, payload(1))
        party.wait_for(1)
        party.more_than(1, SHORT)
        came = [message.topic for message in party.got]
        if who.topic(of=who.other) in came:
            raise Failed(f"{who.gateway.user} may write {who.topic(of=who.other)}")
        if came != [who.topic()]:
            raise Failed(f"{who.gateway.user} may not write {who.topic()}")
    return "a gateway writes its own topics alone"


def reading(who: Accounts) -> str:
    """A gateway gets its own receipts, which ingest may write, and nothing of others."""
    own, foreign = who.topic("receipt"), who.topic("receipt", who.other)
    others = who.topic(of=who.other)
    with Party(who.gateway, who.gateway.user) as gateway:
        for topic in (own, foreign, others):
            # A broker may grant this, and deliver nothing; or end the connection.
            gateway.subscribe(topic)
        with Party(who.ingest, who.id("mouth")) as ingest:
            ingest.publish(foreign, payload(1))
            ingest.publish(own, payload(2))
        with Party(who.other, who.other.user) as other:
            other.publish(others, payload(3))
        gateway.more_than(1, SHORT)
        came = [message.topic for message in gateway.got]
    if set(came) - {own}:
        raise Failed(f"{who.gateway.user} reads {', '.join(sorted(set(came) - {own}))}")
    if not came and gateway.dropped:
        # It was shown the door for asking, so it is asked for its own by itself.
        with Party(who.gateway, who.gateway.user) as gateway:
            gateway.subscribe(own)
            with Party(who.ingest, who.id("mouth")) as ingest:
                ingest.publish(own, payload(2))
            came = [own for _ in gateway.wait_for(1)]
    if not came:
        raise Failed(f"a receipt of {who.ingest.user} did not reach {who.gateway.user}")
    return "a gateway reads its own receipts alone"


def large(who: Accounts) -> str:
    """The largest message that ingest takes passes."""
    whole = payload(0)[:-1] + b" " * (LARGEST - len(payload(0))) + b"}"
    with Party(who.ingest, who.id("large")) as party:
        party.subscribe(who.topic())
        with Party(who.gateway, who.gateway.user) as gateway:
            gateway.publish(who.topic(), whole)
        if party.wait_for(1) != [whole]:
            raise Failed(f"a message of {LARGEST} bytes did not pass")
    return f"{LARGEST} bytes pass"


def shared(who: Accounts) -> str:
    """A shared subscription hands each message to one of its members."""
    topic = f"$share/check-{who.mark}/{who.topic()}"
    with Party(who.ingest, who.id("one")) as one, Party(who.ingest, who.id("two")) as two:
        if one.dropped:
            raise Failed("an account has one connection here: each member needs its own")
        if not (one.subscribe(topic) and two.subscribe(topic)):
            raise Failed("shared subscriptions are not granted")
        with Party(who.gateway, who.gateway.user) as gateway:
            gateway.publish_all(who.topic(), [payload(number) for number in range(20)])
        one.more_than(20, SHORT)
        total = len(one.got) + len(two.got)
        if total != 20:
            raise Failed(f"of 20 messages two members were given {total}")
    return f"shared, {len(one.got)} and {len(two.got)}"


WANTED = (
    Wanted(name="MQTT 5", check=mqtt5, remedy="take a broker that has MQTT 5"),
    Wanted(name="passwords", check=passwords, remedy="refuse whoever has no right password"),
    Wanted(
        name="kept session",
        check=session,
        remedy="let sessions last (session expiry of a day at least) and queue without a limit of"
        " messages: what is dropped is lost for gateways without receipts",
    ),
    Wanted(
        name="delivered again",
        check=again,
        remedy="this broker loses what ingest had not stored: do not use it",
    ),
    Wanted(
        name="receive maximum",
        check=window,
        remedy="this broker floods ingest: let it keep to the receive maximum, or do not use it",
    ),
    Wanted(name="retained", check=retained, remedy="turn retained messages on"),
    Wanted(
        name="retained, by wildcard",
        check=retained_at_large,
        remedy="keep ingest's session",
        optional="for a gateway's word from before ingest's session was lost",
    ),
    Wanted(name="wills", check=wills, remedy="turn wills on: by them absences are known"),
    Wanted(
        name="rights to write",
        check=writing,
        remedy="let user U write instruments/v1/U/heartbeat, …/status, …/native/# and nothing else",
    ),
    Wanted(
        name="rights to read",
        check=reading,
        remedy="let user U read instruments/v1/U/receipt and nothing else, and ingest write"
        " instruments/v1/+/receipt",
    ),
    Wanted(name="largest message", check=large, remedy="raise its largest packet above 1 MiB"),
    Wanted(
        name="shared filters",
        check=shared,
        remedy="share by JISHI_INGEST_WORKER=i/n, which needs none",
        optional="for JISHI_SHARE_GROUP alone",
    ),
)
