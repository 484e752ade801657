"""Ingest workers at the broker as shipped: each shows that it is delivered to, or says why."""

import threading
from collections.abc import Callable, Iterator

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.mqtt import probe
from ingest.mqtt.fast_reader import FastReader
from ingest.mqtt.paho_reader import PahoReader
from ingest.mqtt.share import filters
from stack.passwords import HOST, INGEST_RULES, access_list
from tests.integration.deploy.shipped_broker import SHIPPED, ShippedBroker, shipped_broker
from tests.integration.ingest.test_reader_contract import (
    AnyReader,
    ack,
    take,
    until,
)
from tests.patience import PATIENCE

MakeReader = Callable[..., AnyReader]
WORKERS = ["jishi.ingest", *(f"jishi.ingest.{number}" for number in range(2, 9))]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShippedBroker]:
    folder = tmp_path_factory.mktemp("shipped")
    with shipped_broker(folder, {"gw-1": "word", "nobody.special": "word"}) as running:
        yield running


@pytest.fixture(params=[PahoReader, FastReader], ids=["paho", "fast"])
def make_reader(request: pytest.FixtureRequest, broker: ShippedBroker) -> Iterator[MakeReader]:
    """Makes started readers of the shipped broker."""
    made: list[AnyReader] = []

    def make(user: str, wanted: list[str], **more: object) -> AnyReader:
        reader: AnyReader = request.param(broker.url(user, **more), user, wanted, window=100)
        made.append(reader)
        reader.start()
        return reader

    yield make
    for reader in made:
        reader.close(5)


@pytest.fixture
def gateway(broker: ShippedBroker) -> Iterator[mqtt.Client]:
    """The gateway `gw-1`, which hears its receipts in `receipts`."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="gw-1")
    client.username_pw_set("gw-1", "word")
    heard: list[bytes] = []
    client.user_data_set(heard)
    client.on_message = lambda _client, _data, message: heard.append(bytes(message.payload))
    subscribed = threading.Event()
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.subscribe("instruments/v1/gw-1/receipt", 1)
    assert subscribed.wait(PATIENCE)
    yield client
    client.disconnect()
    client.loop_stop()


def take_gateways_own(reader: AnyReader) -> None:
    """Takes what came from the gateway, maybe while nobody was there; no probe is among it."""
    taken = reader.take(100, 0.6, 0.3, 1 << 20)
    assert {delivery.payload for delivery in taken} <= {b"to all"}
    ack(reader, taken)


def test_the_shipped_list_is_what_the_stack_writes() -> None:
    """Two spellings of one thing: what the local stack's broker allows is what is shipped."""
    shipped = (SHIPPED / "acl").read_text("utf-8")
    rules = [line for line in shipped.splitlines() if line and not line.startswith("#")]
    written = access_list(ingest_users=WORKERS, publisher=False, host=HOST)
    assert rules == [line for line in written.splitlines() if line]


@pytest.mark.parametrize(
    ("user", "wanted"),
    [
        pytest.param(WORKERS[0], filters(["+"]), id="all"),
        pytest.param(WORKERS[1], filters(["gw-1"]), id="a share, or a list"),
        pytest.param(WORKERS[-1], filters(["+"], "$share/g/"), id="a shared group"),
    ],
)
def test_every_worker_is_delivered_to(
    make_reader: MakeReader, gateway: mqtt.Client, user: str, wanted: list[str]
) -> None:
    reader = make_reader(user, wanted)
    until(lambda: reader.delivering)
    assert reader.lacking == reader.away == ""
    gateway.publish("instruments/v1/gw-1/heartbeat", b"to all", 1)
    ack(reader, take(reader, 1))
    reader.publish([("instruments/v1/gw-1/receipt", user.encode())])
    until(lambda: user.encode() in gateway.user_data_get())
    take_gateways_own(reader)
    until(lambda: reader.in_flight == 0)


def test_a_worker_sees_the_probes_of_others_and_hands_none_on(
    make_reader: MakeReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "EVERY", 0.1)
    readers = [make_reader(user, filters(["+"])) for user in WORKERS[:2]]
    for reader in readers:
        until(lambda reader=reader: reader.delivering)
    for reader in readers:
        take_gateways_own(reader)


def test_an_account_that_may_not_read_says_what_it_lacks(
    make_reader: MakeReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mosquitto grants its subscriptions all the same."""
    monkeypatch.setattr(probe, "EVERY", 0.2)
    reader = make_reader("nobody.special", filters(["+"]), password="word")
    until(lambda: reader.connected and reader.lacking)
    assert not reader.delivering
    assert "'nobody.special'" in reader.lacking
    assert "read instruments/v1/+/heartbeat" in reader.lacking
    assert "read instruments/v1/+/status" in reader.lacking


def test_delivery_that_ends_is_noticed_and_so_is_its_return(
    make_reader: MakeReader, broker: ShippedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "EVERY", 0.2)
    monkeypatch.setattr(probe, "LOST_AFTER", 1.0)
    reader = make_reader(WORKERS[2], filters(["+"]))
    until(lambda: reader.delivering)
    whole = broker.acl.read_text()
    try:
        broker.read_anew(whole.replace(INGEST_RULES[0], ""))
        until(lambda: reader.connected and not reader.delivering)
        assert "read instruments/v1/+/heartbeat" in reader.lacking
        assert "status" not in reader.lacking
    finally:
        broker.read_anew(whole)
    until(lambda: reader.delivering and not reader.lacking)


def test_without_its_status_it_listens_and_complains(
    make_reader: MakeReader, broker: ShippedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "EVERY", 0.2)
    monkeypatch.setattr(probe, "LOST_AFTER", 1.0)
    whole = broker.acl.read_text()
    try:
        broker.read_anew(whole.replace(INGEST_RULES[1], ""))
        reader = make_reader(WORKERS[3], filters(["+"]))

        def complains() -> bool:
            broker.remind()  # it may be reading still what the test before left behind
            return reader.delivering and bool(reader.lacking)

        until(complains)
        assert "read instruments/v1/+/status" in reader.lacking
    finally:
        broker.read_anew(whole)
