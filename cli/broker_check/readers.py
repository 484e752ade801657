"""Ingest's own readers at the broker: what is taken and not acknowledged comes to the next one."""

import time
from collections.abc import Callable
from typing import TypeAlias

from cli.broker_check.checks import Accounts, Check, Failed, Wanted, payload
from cli.broker_check.party import PATIENCE, QUIET, Party
from ingest.mqtt.fast_reader import FastReader
from ingest.mqtt.paho_reader import PahoReader
from ingest.mqtt.reader import Delivery

AnyReader: TypeAlias = FastReader | PahoReader

SENT = 200  # messages
STORED = 120  # of these acknowledged before the reader goes
WINDOW = 150  # in flight, fewer than are sent


def _take(reader: AnyReader, number: int, topic: str) -> list[Delivery]:
    """Deliveries on a topic: a reader hears its own probes as well."""
    found: list[Delivery] = []
    quiet = time.monotonic() + QUIET
    while len(found) < number and time.monotonic() < quiet:
        more = reader.take(number - len(found), 0.2, 0.0, 1 << 20)
        of_topic = [delivery for delivery in more if delivery.topic == topic]
        if of_topic:
            found += of_topic
            quiet = time.monotonic() + QUIET
    return found


def _until(question: Callable[[], object]) -> bool:
    end = time.monotonic() + PATIENCE
    while not question():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def through(kind: type[FastReader] | type[PahoReader]) -> Check:
    """The check of one kind of reader."""

    def check(who: Accounts) -> str:
        me = who.id("reader")

        def reader() -> AnyReader:
            started: AnyReader = kind(
                who.ingest.url, me, ["instruments/v1/+/heartbeat"], window=WINDOW
            )
            started.start()
            return started

        sent = [payload(number) for number in range(SENT)]
        one = reader()
        try:
            if not _until(lambda: one.connected):
                raise Failed("it was not subscribed")
            with Party(who.gateway, who.gateway.user) as gateway:
                gateway.publish_all(who.topic(), sent)
            first = _take(one, STORED, who.topic())
            one.ack([delivery.token for delivery in first if delivery.token is not None])
            one.close(QUIET)
            one = reader()
            second = _take(one, SENT - len(first), who.topic())
            one.ack([delivery.token for delivery in second if delivery.token is not None])
            _until(lambda: one.in_flight == 0)
        finally:
            one.close(QUIET)
            Party(who.ingest, me).close()
        came = list(dict.fromkeys(delivery.payload for delivery in (*first, *second)))
        if came != sent:
            raise Failed(f"{len(came)} of {SENT} messages came over a restart, or in another order")
        return f"{SENT} messages over a restart, in order"

    return check


READERS = (
    Wanted(
        name="fast reader",
        check=through(FastReader),
        remedy="set JISHI_MQTT_READER=paho and tell us what was found",
    ),
    Wanted(
        name="paho reader",
        check=through(PahoReader),
        remedy="keep to JISHI_MQTT_READER=fast and tell us what was found",
    ),
)
