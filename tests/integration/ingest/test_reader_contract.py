"""One contract for both readers, against a real Mosquitto; no line here knows which it tests."""

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.metrics import BROKER_FIGURES
from ingest.mqtt import network_thread
from ingest.mqtt.fast_reader import FastReader
from ingest.mqtt.paho_reader import PahoReader
from ingest.mqtt.reader import Delivery
from stack import Settings
from stack.fetch import find_mosquitto
from stack.mosquitto import Mosquitto
from tests.faults.proxy import Proxy
from tests.lacking import Part, lacking
from tests.patience import PATIENCE

FILTERS = (
    "instruments/v1/+/heartbeat",
    "instruments/v1/+/status",
    "instruments/v1/+/native/#",
)
TOPIC = "instruments/v1/gw-1/heartbeat"

AnyReader = PahoReader | FastReader
MakeReader = Callable[..., AnyReader]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    programs = find_mosquitto(Settings.from_environ({}))
    with Mosquitto(programs, tmp_path, publisher=True) as server:
        yield server


@pytest.fixture(params=[PahoReader, FastReader], ids=["paho", "fast"])
def make_reader(request: pytest.FixtureRequest, broker: Mosquitto) -> Iterator[MakeReader]:
    """Makes started readers of the broker's ingest account."""
    made: list[AnyReader] = []

    def make(
        *, port: int | None = None, scheme: str = "mqtt", host: str = "127.0.0.1", **more: object
    ) -> AnyReader:
        account = broker.ingest
        url = (
            f"{scheme}://{quote(account.username)}:{quote(account.password)}"
            f"@{host}:{port or broker.port}"
        )
        reader: AnyReader = request.param(
            url, account.client_id, FILTERS, **{"window": 100, "keep_alive": 4.0, **more}
        )
        made.append(reader)
        reader.start()
        return reader

    yield make
    for reader in made:
        reader.close(5)


@pytest.fixture
def publish(broker: Mosquitto) -> Callable[..., None]:
    """Publishes at QoS 1 and waits for the broker's word."""
    account = broker.publisher
    assert account is not None

    def send(*payloads: bytes, topic: str = TOPIC, retain: bool = False) -> None:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.username_pw_set(account.username, account.password)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        for sent in [client.publish(topic, payload, 1, retain) for payload in payloads]:
            sent.wait_for_publish(PATIENCE)
        client.disconnect()
        client.loop_stop()

    return send


def until(question: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not question():
        assert time.monotonic() < end, "nothing came of it"
        time.sleep(0.02)


def connected(reader: AnyReader) -> AnyReader:
    until(lambda: reader.connected)
    return reader


def take(reader: AnyReader, count: int) -> list[Delivery]:
    found: list[Delivery] = []
    end = time.monotonic() + PATIENCE
    while len(found) < count and time.monotonic() < end:
        found += reader.take(count - len(found), 0.2, 0.05, 1 << 20)
    assert len(found) == count
    return found


def none_more(reader: AnyReader, seconds: float = 0.6) -> None:
    assert reader.take(1, seconds, 0.0, 1 << 20) == []


def ack(reader: AnyReader, deliveries: Sequence[Delivery]) -> None:
    reader.ack([d.token for d in deliveries if d.token is not None])


def numbers(count: int, first: int = 0) -> list[bytes]:
    return [b"%d" % n for n in range(first, first + count)]


def payloads(deliveries: Sequence[Delivery]) -> list[bytes]:
    return [d.payload for d in deliveries]


def test_hands_over_in_order_what_the_broker_sent(
    make_reader: MakeReader, publish: Callable[..., None]
) -> None:
    reader = connected(make_reader())
    before = time.monotonic()
    publish(*numbers(50))
    found = take(reader, 50)
    assert payloads(found) == numbers(50)
    assert {d.topic for d in found} == {TOPIC}
    assert not any(d.retained for d in found)
    assert all(before <= d.arrived <= time.monotonic() for d in found)
    assert len({d.token for d in found}) == 50
    assert reader.in_flight == 50
    ack(reader, found)
    until(lambda: reader.in_flight == 0)


@pytest.mark.parametrize("size", [0, 1, 120, 127, 128, 16_383, 300_000, 2_000_000])
def test_payloads_of_every_size_arrive_whole(
    make_reader: MakeReader, publish: Callable[..., None], size: int
) -> None:
    reader = connected(make_reader())
    sent = [bytes(n % 251 for n in range(size)), b"after"]
    publish(*sent)
    assert payloads(take(reader, 2)) == sent


def test_what_is_not_acknowledged_comes_again_and_what_is_does_not(
    make_reader: MakeReader, publish: Callable[..., None]
) -> None:
    first = connected(make_reader())
    publish(*numbers(10))
    found = take(first, 10)
    ack(first, found[:4])
    until(lambda: first.in_flight == 6)
    first.close(5)
    second = connected(make_reader())
    assert payloads(take(second, 6)) == numbers(6, 4)
    none_more(second)


def test_the_window_bounds_what_is_in_flight(
    make_reader: MakeReader, publish: Callable[..., None]
) -> None:
    reader = connected(make_reader(window=7))
    publish(*numbers(20))
    found = take(reader, 7)
    none_more(reader)
    ack(reader, found[:3])
    more = take(reader, 3)
    assert payloads(more) == numbers(3, 7)
    none_more(reader)
    ack(reader, found[3:] + more)
    assert payloads(take(reader, 7)) == numbers(7, 10)


def test_bytes_bound_what_waits(make_reader: MakeReader, publish: Callable[..., None]) -> None:
    reader = connected(make_reader(window_bytes=1_000_000))
    large = [bytes([n]) * 400_000 for n in range(10)]
    publish(*large)
    time.sleep(0.5)
    assert reader.queued < 10
    taken: list[Delivery] = []
    while len(taken) < 10:
        some = reader.take(10, 5.0, 0.0, 500_000)
        assert 0 < sum(len(d.payload) for d in some) <= 800_000
        taken += some
        ack(reader, some)
    assert payloads(taken) == large


def test_the_session_keeps_what_came_meanwhile(
    make_reader: MakeReader, publish: Callable[..., None]
) -> None:
    connected(make_reader()).close(5)
    publish(*numbers(30))
    assert payloads(take(make_reader(), 30)) == numbers(30)


def test_a_backlog_before_the_subscriptions_answer_is_no_silence(
    make_reader: MakeReader, publish: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_thread, "SUBSCRIBED_WITHIN", 1.5)
    connected(make_reader()).close(5)
    large = [bytes([n]) * 200_000 for n in range(60)]
    publish(*large)
    # More than it may hold: the broker's answer lies behind what is not read yet.
    reader = make_reader(window_bytes=400_000)
    time.sleep(2.5)
    assert not reader.connected
    taken: list[Delivery] = []
    while len(taken) < len(large):
        some = reader.take(1, 5.0, 0.0, 1)
        ack(reader, some)
        taken += some
    assert payloads(taken) == large
    assert {d.token.generation for d in taken if d.token is not None} == {1}
    until(lambda: reader.connected and reader.in_flight == 0)


def test_an_acknowledgement_of_an_older_connection_is_dropped(
    make_reader: MakeReader, broker: Mosquitto, publish: Callable[..., None]
) -> None:
    proxy = Proxy("127.0.0.1", broker.port)
    reader = connected(make_reader(port=proxy.port))
    publish(*numbers(3))
    old = take(reader, 3)
    proxy.cut()
    until(lambda: not reader.connected)
    again = take(reader, 3)
    assert payloads(again) == numbers(3)
    ack(reader, old)
    until(lambda: reader.stale_acks == 3)
    proxy.cut()
    # Had the old ones counted, nothing would come a third time.
    assert payloads(take(reader, 3)) == numbers(3)


def test_what_nobody_took_is_given_up_when_the_broker_sends_it_again(
    make_reader: MakeReader, broker: Mosquitto, publish: Callable[..., None]
) -> None:
    proxy = Proxy("127.0.0.1", broker.port)
    reader = connected(make_reader(port=proxy.port))
    publish(*numbers(5))
    until(lambda: reader.queued == 5)
    before = {d.token for d in take(reader, 1)}
    proxy.cut()
    until(lambda: not reader.connected)
    connected(reader)
    found = take(reader, 5)
    assert payloads(found) == numbers(5)
    assert not before & {d.token for d in found}
    none_more(reader)


def test_retained_messages_say_so(make_reader: MakeReader, publish: Callable[..., None]) -> None:
    publish(b"kept", topic="instruments/v1/gw-1/status", retain=True)
    reader = connected(make_reader())
    (first,) = take(reader, 1)
    assert (first.payload, first.retained) == (b"kept", True)
    publish(b"news", topic="instruments/v1/gw-1/status", retain=True)
    (second,) = take(reader, 1)
    assert (second.payload, second.retained) == (b"news", False)


def test_receipts_are_published(make_reader: MakeReader, broker: Mosquitto) -> None:
    heard: list[bytes] = []
    subscribed = threading.Event()
    gateway = broker.set_password("gw-1")
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=gateway.client_id)
    client.username_pw_set(gateway.username, gateway.password)
    client.on_message = lambda _c, _u, message: heard.append(bytes(message.payload))
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    client.subscribe("instruments/v1/gw-1/receipt", 1)
    assert subscribed.wait(PATIENCE)
    reader = connected(make_reader())
    reader.publish([("instruments/v1/gw-1/receipt", payload) for payload in numbers(2_000)])
    until(lambda: len(heard) == 2_000)
    client.disconnect()
    client.loop_stop()
    assert heard == numbers(2_000)


def test_a_broker_that_is_away_at_first_is_waited_for(
    make_reader: MakeReader, broker: Mosquitto, publish: Callable[..., None]
) -> None:
    broker.stop()
    reader = make_reader()
    time.sleep(0.5)
    assert not reader.connected
    broker.start()
    connected(reader)
    publish(b"1")
    assert payloads(take(reader, 1)) == [b"1"]


def test_a_killed_broker_is_connected_to_again(
    make_reader: MakeReader, broker: Mosquitto, publish: Callable[..., None]
) -> None:
    reader = connected(make_reader())
    broker.kill()
    until(lambda: not reader.connected)
    broker.start()
    connected(reader)
    publish(b"1")
    assert b"1" in payloads(take(reader, 1))


def test_silence_of_the_broker_ends_the_connection(
    make_reader: MakeReader, broker: Mosquitto
) -> None:
    proxy = Proxy("127.0.0.1", broker.port)
    reader = connected(make_reader(port=proxy.port, keep_alive=1.0))
    proxy.mode = type(proxy.mode)("black hole")
    until(lambda: not reader.connected)
    proxy.mode = type(proxy.mode)("pass")
    proxy.cut()
    connected(reader)


def test_an_idle_connection_is_kept_alive(
    make_reader: MakeReader, publish: Callable[..., None]
) -> None:
    reader = connected(make_reader(keep_alive=1.0))
    generations = set()
    for number in range(3):
        time.sleep(1.2)
        publish(b"%d" % number)
        (delivery,) = take(reader, 1)
        assert delivery.token is not None
        generations.add(delivery.token.generation)
        ack(reader, [delivery])
    assert len(generations) == 1


def test_stopped_intake_takes_no_more_but_acknowledges(
    make_reader: MakeReader, publish: Callable[..., None]
) -> None:
    reader = connected(make_reader())
    publish(*numbers(3))
    found = take(reader, 3)
    reader.stop_intake()
    time.sleep(0.1)
    publish(*numbers(2, 3))
    none_more(reader)
    ack(reader, found)
    until(lambda: reader.in_flight == 0)
    reader.close(5)
    assert payloads(take(connected(make_reader()), 2)) == numbers(2, 3)


def test_the_loop_shows_that_it_lives(make_reader: MakeReader) -> None:
    reader = connected(make_reader())
    assert time.monotonic() - reader.alive_at < 2
    seen = reader.alive_at
    until(lambda: reader.alive_at > seen)
    assert reader.alive_at <= time.monotonic()
    reader.close(5)
    assert reader.alive_at == float("-inf")


@pytest.mark.parametrize(
    ("url", "window"),
    [
        pytest.param("http://localhost", 10, id="no mqtt"),
        pytest.param("mqtt://", 10, id="no host"),
        pytest.param("mqtt://localhost", 0, id="no window"),
        pytest.param("mqtt://localhost", 65_536, id="window beyond MQTT's"),
    ],
)
@pytest.mark.parametrize("kind", [PahoReader, FastReader], ids=["paho", "fast"])
def test_senseless_settings_are_refused(kind: type[AnyReader], url: str, window: int) -> None:
    with pytest.raises(ValueError, match=r"url|window"):
        kind(url, "id", FILTERS, window=window)


@pytest.fixture
def tls(broker: Mosquitto, tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A relay that speaks TLS in front of the broker: its port and its certificate."""
    openssl = shutil.which("openssl")
    if openssl is None:
        lacking(Part.OPENSSL)
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            "-keyout", key, "-out", certificate,
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    sockets: list[socket.socket] = []
    closing = threading.Event()

    def pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            end.close()

    def accept() -> None:
        while not closing.is_set():
            try:
                plain, _ = listener.accept()
                plain.settimeout(5)
                outer = context.wrap_socket(plain, server_side=True)
            except OSError:  # nobody came, or one who does not trust us
                continue
            outer.settimeout(None)
            inner = socket.create_connection(("127.0.0.1", broker.port))
            sockets.extend((outer, inner))
            for pair in ((outer, inner), (inner, outer)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    yield listener.getsockname()[1], certificate
    closing.set()
    accepting.join(10)
    listener.close()
    for one in sockets:
        one.close()


def test_tls_with_the_authority_named(
    make_reader: MakeReader, publish: Callable[..., None], tls: tuple[int, Path]
) -> None:
    port, certificate = tls
    reader = connected(
        make_reader(port=port, scheme="mqtts", host="localhost", ca_file=str(certificate))
    )
    large = [bytes([n]) * 50_000 for n in range(60)]
    publish(*large)
    found = take(reader, 60)
    assert payloads(found) == large
    ack(reader, found)
    until(lambda: reader.in_flight == 0)


def test_what_the_broker_says_of_itself(
    make_reader: MakeReader, publish: Callable[..., None]
) -> None:
    reader = connected(make_reader())
    publish(b"1", b"2", topic=TOPIC, retain=True)
    until(lambda: reader.broker_figures.get("$SYS/broker/clients/connected", 0) >= 1)
    until(lambda: reader.broker_figures.get("$SYS/broker/publish/messages/received", 0) >= 2)
    # Brokers have figures of their own; those that we know are all there, or not said here.
    assert reader.broker_figures.keys() <= BROKER_FIGURES.keys()
    assert len(reader.broker_figures) >= len(BROKER_FIGURES) - 1
    # And none of it is taken for a gateway's word.
    assert {delivery.topic for delivery in take(reader, 2)} == {TOPIC}
    none_more(reader)


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tls_of_a_stranger_is_refused(make_reader: MakeReader, tls: tuple[int, Path]) -> None:
    reader = make_reader(port=tls[0], scheme="mqtts", host="localhost")
    time.sleep(1.0)
    assert not reader.connected


OTHER = "instruments/v1/gw-2/heartbeat"


def test_subscriptions_change_while_it_is_connected(
    make_reader: MakeReader, broker: Mosquitto, publish: Callable[..., None]
) -> None:
    reader = connected(make_reader())
    assert reader.granted == set(FILTERS)
    reader.subscribe([TOPIC], FILTERS)
    until(lambda: reader.granted == {TOPIC})
    assert reader.connected
    publish(b"1")
    publish(b"2", topic=OTHER)
    publish(b"3")
    found = take(reader, 2)
    assert payloads(found) == [b"1", b"3"]
    ack(reader, found)
    none_more(reader)
    # Another connection has the same, and none of what was given up.
    broker.restart()
    until(lambda: not reader.connected)
    connected(reader)
    publish(b"4", topic=OTHER)
    publish(b"5")
    ack(reader, [*take(reader, 1)])
    none_more(reader)
    reader.subscribe([TOPIC, OTHER])
    until(lambda: OTHER in reader.granted)
    publish(b"6", topic=OTHER)
    assert payloads(take(reader, 1)) == [b"6"]


def test_what_is_queued_comes_also_after_its_filter_was_given_up(
    make_reader: MakeReader, publish: Callable[..., None]
) -> None:
    """Mosquitto's way; a broker may also throw away what it had not begun to deliver."""
    reader = connected(make_reader(window=2))
    publish(*numbers(6))
    found = take(reader, 2)
    reader.subscribe([], FILTERS)
    until(lambda: not reader.granted)
    publish(b"too late")
    while len(found) < 6:
        ack(reader, found[-2:])
        found += take(reader, 2)
    ack(reader, found[-2:])
    none_more(reader)
    assert payloads(found) == numbers(6)
    until(lambda: reader.in_flight == 0)


def test_what_devices_say_comes_by_its_whole_topic(
    make_reader: MakeReader, publish: Callable[..., None]
) -> None:
    reader = connected(make_reader())
    topics = [f"instruments/v1/gw-1/native{below}" for below in ("", "/plug", "/a/b/c/LWT")]
    for topic in topics:
        publish(b"x", topic=topic)
    found = take(reader, len(topics))
    assert [d.topic for d in found] == topics
    ack(reader, found)


def test_what_could_not_be_read_is_acknowledged_as_such_and_is_gone(
    make_reader: MakeReader, publish: Callable[..., None]
) -> None:
    reader = connected(make_reader())
    publish(*numbers(3))
    found = take(reader, 3)
    tokens = [d.token for d in found if d.token is not None]
    reader.ack(tokens, {tokens[1]})
    until(lambda: reader.in_flight == 0)
    publish(b"next")
    (more,) = take(reader, 1)
    ack(reader, [more])
    # The broker took the reason: it holds on to the connection, and to nothing that was there.
    reader.close(5)
    again = connected(make_reader())
    none_more(again)


def test_what_comes_again_says_so(make_reader: MakeReader, publish: Callable[..., None]) -> None:
    first = connected(make_reader())
    publish(*numbers(2))
    before = take(first, 2)
    assert [d.again for d in before] == [False, False]
    ack(first, before[:1])
    until(lambda: first.in_flight == 1)
    first.close(5)
    second = connected(make_reader())
    (after,) = take(second, 1)
    assert (after.payload, after.again) == (b"1", True)
    assert before[1].token is not None
    assert after.token is not None
    assert after.token.packet_id == before[1].token.packet_id
    publish(b"2")
    (news,) = take(second, 1)
    assert not news.again
    ack(second, [after, news])


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], int]]:
    """Makes servers that answer whoever connects with some bytes; their ports."""
    listeners: list[socket.socket] = []

    def make(answer: bytes) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    client.recv(4096)
                    client.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        port: int = listener.getsockname()[1]
        return port

    yield make
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("20020001", id="MQTT 3's, as NATS has it"),
        pytest.param("2003008400", id="MQTT 5's"),
    ],
)
def test_a_broker_without_mqtt_5_is_told_from_others(
    make_reader: MakeReader, answering: Callable[[bytes], int], answer: str
) -> None:
    port = answering(bytes.fromhex(answer))
    reader = make_reader(port=port)
    until(lambda: "CONNECT" in reader.away)
    assert not reader.connected
    assert f"the broker 127.0.0.1:{port} answered CONNECT" in reader.away
    assert "it does not speak MQTT 5, which ingest needs" in reader.away
    assert "Invalid" not in reader.away


def test_a_refused_account_is_named(broker: Mosquitto) -> None:
    for kind in (PahoReader, FastReader):
        url = f"mqtt://jishi.ingest.2:wrong@127.0.0.1:{broker.port}"
        reader = kind(url, "jishi.ingest.2", FILTERS, window=10)
        reader.start()
        until(lambda reader=reader: "CONNECT" in reader.away)
        reader.close(5)
        assert "let the account 'jishi.ingest.2' in" in reader.away
        assert "JISHI_MQTT_URL" in reader.away
