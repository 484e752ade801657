"""Row 23: client-id theft, foreign publish, foreign subscribe, forged gateway.

Nothing is delivered, stored or lost. Over MQTT 5 and 3.1.1, in the clear with passwords, over
TLS with passwords, and with certificates: valid, expired, of another authority, revoked.
"""

import gc
import json
import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from cli.up import Service
from stack import Mosquitto, MqttAccount
from stack import Settings as StackSettings
from stack.certificates import Authority, Certificate
from stack.fetch import find_mosquitto
from tests.integration.stack.support import Client, Connect, eventually
from tests.live import until

#: A day whose heartbeats are taken; one that stood here was too old a month later.
LATELY: date = datetime.now(UTC).date() - timedelta(days=2)


@dataclass(frozen=True, kw_only=True)
class City:
    """A service as a city runs it: gateways with accounts of their own, no shared publisher."""

    service: Service
    authority: Authority
    foreign: Authority
    http: httpx.Client
    accounts: dict[str, MqttAccount]

    def rows(self, statement: str) -> list[Any]:
        with psycopg.connect(self.service.database_url) as connection:
            return connection.execute(statement).fetchall()

    def stored(self) -> int:
        return int(self.rows("SELECT count(*) FROM heartbeat")[0][0])

    def reasons(self) -> dict[str, int]:
        return dict(self.rows("SELECT reason, sum(occurrences)::int FROM dead_letter GROUP BY 1"))


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("certs")
    authority, foreign = Authority(folder / "ours"), Authority(folder / "theirs")
    for one in (authority, foreign):
        one.create()
        one.issue_server(["127.0.0.1", "localhost"])
    service = Service(durable=False, settings={"batch_age": "10ms"}, certs=folder / "ours")
    try:
        service.start()
        headers = {"Authorization": f"Bearer {service.admin_key}"}
        with httpx.Client(base_url=service.api_url, headers=headers, timeout=60) as http:
            accounts = {}
            for name in ("good", "evil"):
                ids = {"institution_id": f"{name}-inst", "gateway_id": f"{name}-gw"}
                http.put(f"/v1/institutions/{name}-inst", json={"name": name})
                http.put(f"/v1/gateways/{name}-gw", json={"institution_id": f"{name}-inst"})
                made = http.put(f"/v1/instruments/{name}-sem", json={"name": name, **ids})
                assert made.status_code == 201
                body = http.post(f"/v1/gateways/{name}-gw/credentials").json()
                accounts[name] = MqttAccount(
                    username=body["username"], password=body["password"], client_id=f"{name}-gw"
                )
            city = City(
                service=service, authority=authority, foreign=foreign, http=http, accounts=accounts
            )
            # Until the broker knows both.
            until(lambda: admitted(city, "good") and admitted(city, "evil"), 5)
            yield city
    finally:
        service.stop()


def admitted(city: City, name: str) -> bool:
    client = Client(city.service.stack.broker, city.accounts[name])
    client.close()
    return client.refusal is None


def batch(instrument: str, second: int, batch_id: str = "b") -> bytes:
    ts = f"{LATELY - timedelta(days=1)}T00:00:{second:02}Z"
    beat = {"instrument_id": instrument, "ts": ts, "state": "running"}
    return json.dumps({"batch_id": batch_id, "heartbeats": [beat]}).encode()


def topic(name: str, kind: str) -> str:
    return f"instruments/v1/{name}-gw/{kind}"


def test_client_id_theft(city: City, connect: Connect, protocol: MQTTProtocolVersion) -> None:
    broker = city.service.stack.broker
    victim = connect(broker, city.accounts["good"], protocol=protocol, keep_session=True)
    victim.subscribe(topic("good", "receipt"))
    for stolen in ("good-gw", broker.ingest_client_id):
        thief = connect(
            broker, city.accounts["evil"], client_id=stolen, protocol=protocol, keep_session=True
        )
        thief.subscribe(topic("good", "receipt"), "#")
        second = {"good-gw": 1, broker.ingest_client_id: 2}[stolen] + 10 * int(protocol)
        victim.publish(topic("good", "heartbeat"), batch("good-sem", second, stolen[:20]))
        eventually(lambda: any(stolen[:20].encode() in p for p in victim.payloads()))  # noqa: B023
        assert thief.received == []
        thief.close()
    # Neither the victim nor the ingest was thrown out, and nothing of theirs went elsewhere.
    assert not victim.lost.is_set()
    assert city.service.watch() == []


def test_foreign_publish(city: City, connect: Connect, protocol: MQTTProtocolVersion) -> None:
    broker = city.service.stack.broker
    before, reasons = city.stored(), city.reasons()
    evil = connect(broker, city.accounts["evil"], protocol=protocol)
    for target in (
        topic("good", "heartbeat"),
        topic("good", "status"),
        topic("good", "receipt"),
        topic("good", "native/plug/SENSOR"),
        topic("evil", "receipt"),
        "instruments/v1/evil-gw/heartbeat/deeper",
        "instruments/v1//heartbeat",
        "$SYS/broker/version",
        "anything",
    ):
        code = evil.publish(target, batch("good-sem", 30))
        # MQTT 5 is told; 3.1.1 has no word for it, and the message is dropped all the same.
        assert code >= 0x80 if protocol == MQTTProtocolVersion.MQTTv5 else code == 0
    settle(city, connect)
    assert city.stored() == before + 1
    assert city.reasons() == reasons
    (online,) = city.rows(
        "SELECT s.online FROM gateway_status s JOIN gateway g USING (gateway_key)"
        " WHERE gateway_id = 'good-gw'"
    )[0]
    assert online is None


_settled = iter(range(100, 160))


def settle(city: City, connect: Connect) -> None:
    """What was sent before is through: one heartbeat of our own, with its receipt."""
    client = connect(city.service.stack.broker, city.accounts["good"])
    client.subscribe(topic("good", "receipt"))
    number = next(_settled)
    beat = {
        "instrument_id": "good-sem",
        "ts": f"{LATELY}T00:{number - 100:02}:00Z",
        "state": "idle",
    }
    body = json.dumps({"batch_id": f"settle{number}", "heartbeats": [beat]}).encode()
    client.publish(topic("good", "heartbeat"), body)
    eventually(lambda: any(f"settle{number}".encode() in p for p in client.payloads()))
    client.close()


def test_foreign_subscribe(city: City, connect: Connect, protocol: MQTTProtocolVersion) -> None:
    evil = connect(city.service.stack.broker, city.accounts["evil"], protocol=protocol)
    evil.subscribe(
        "#",
        "+/+/+/+",
        topic("good", "native/#"),
        topic("good", "heartbeat"),
        topic("good", "receipt"),
        "$SYS/#",
    )
    settle(city, connect)
    evil.publish(topic("evil", "heartbeat"), batch("evil-sem", int(protocol)))
    # Its own receipt comes, so deliveries had their time; nothing else did.
    eventually(lambda: bool(evil.received))
    assert {name for name, _ in evil.received} == {topic("evil", "receipt")}


def test_forged_gateway(city: City, connect: Connect, protocol: MQTTProtocolVersion) -> None:
    """Its own topic, another's instrument: what is in the payload gives no rights."""
    evil = connect(city.service.stack.broker, city.accounts["evil"], protocol=protocol)
    evil.subscribe(topic("evil", "receipt"))
    before = city.stored()
    forged = json.loads(batch("good-sem", 40 + int(protocol), f"f{int(protocol)}"))
    forged["gateway_id"] = "good-gw"
    evil.publish(topic("evil", "heartbeat"), json.dumps(forged).encode())
    eventually(lambda: bool(evil.received))
    receipt = json.loads(evil.received[0][1])
    assert (receipt["stored"], receipt["rejected"]) == (0, 1)
    assert receipt["errors"][0]["reason"] == "wrong_gateway"
    assert city.stored() == before


@pytest.mark.parametrize(
    "account",
    [
        pytest.param(MqttAccount(username="", password=""), id="nobody"),
        pytest.param(MqttAccount(username="good-gw", password=""), id="no password"),
        pytest.param(MqttAccount(username="good-gw", password="guess"), id="a guess"),
        pytest.param(MqttAccount(username="+", password="x"), id="a wildcard"),
        pytest.param(MqttAccount(username="jishi.ingest", password="x"), id="the ingest's name"),
    ],
)
def test_strangers_stay_out(
    city: City, connect: Connect, protocol: MQTTProtocolVersion, account: MqttAccount
) -> None:
    client = connect(city.service.stack.broker, account, protocol=protocol, client_id="stranger")
    assert client.refusal is not None


# TLS


class Secure:
    """A client over TLS; `connected` is the broker's word, or None where TLS itself failed."""

    def __init__(
        self,
        city: City,
        port: int,
        protocol: MQTTProtocolVersion,
        *,
        account: MqttAccount | None = None,
        certificate: Certificate | None = None,
        believes: Authority | None = None,
        client_id: str = "",
    ) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.answers: list[Any] = []
        self.error: Exception | None = None
        self.lost: list[Any] = []
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            protocol=protocol,
            client_id=client_id,
            reconnect_on_failure=False,
        )
        context = ssl.create_default_context(cafile=str((believes or city.authority).certificate))
        if certificate is not None:
            context.load_cert_chain(certificate.certificate, certificate.key)
        self._client.tls_set_context(context)
        if account is not None:
            self._client.username_pw_set(account.username, account.password)
        self._client.on_connect = lambda *a: self.answers.append(a[3])
        self._client.on_disconnect = lambda *a: self.lost.append(a[3])
        self._client.on_message = lambda _, __, m: self.received.append((m.topic, m.payload))
        try:
            self._client.connect("127.0.0.1", port)
        except (ssl.SSLError, ConnectionError) as error:
            self.error = error.with_traceback(None)
            return
        self._client.loop_start()
        eventually(lambda: bool(self.answers or self.lost))

    @property
    def admitted(self) -> bool:
        return bool(self.answers) and not self.answers[0].is_failure

    def say(self, name: str, payload: bytes) -> None:
        self._client.subscribe(topic(name, "receipt"), 1)
        self._client.publish(topic(name, "heartbeat"), payload, qos=1)

    def alive(self) -> bool:
        """Whether the broker still answers, and never ended the connection."""
        told: list[Any] = []
        self._client.on_subscribe = lambda *a: told.append(a)
        self._client.subscribe("anything", 1)
        eventually(lambda: bool(told or self.lost))
        return not self.lost

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def receipted(client: Secure) -> dict[str, Any]:
    eventually(lambda: bool(client.received))
    found: dict[str, Any] = json.loads(client.received[0][1])
    return found


def test_tls_with_a_password(city: City, protocol: MQTTProtocolVersion) -> None:
    port = city.service.stack.broker.tls_port
    client = Secure(city, port, protocol, account=city.accounts["good"])
    assert client.admitted
    client.say("good", batch("good-sem", 50 + int(protocol), "tls"))
    assert receipted(client)["stored"] == 1
    client.close()
    wrong = MqttAccount(username="good-gw", password="guess")
    client = Secure(city, port, protocol, account=wrong)
    assert not client.admitted
    client.close()


def test_client_ids_are_tied_over_tls_beside_a_publisher_too(
    city: City, tmp_path: Path, protocol: MQTTProtocolVersion
) -> None:
    """In the clear a publisher unties them, on this machine alone; gateways come over TLS."""
    programs = find_mosquitto(StackSettings.from_environ(os.environ))
    with Mosquitto(programs, tmp_path, publisher=True, tls=city.authority.files) as broker:
        accounts = broker.set_passwords({"good-gw": "p" * 20, "evil-gw": "q" * 20})
        victim = Secure(city, broker.tls_port, protocol, account=accounts["good-gw"], client_id="a")
        assert victim.admitted
        for name, client_id in (("evil-gw", "good-gw"), ("evil-gw", "a")):
            thief = Secure(
                city, broker.tls_port, protocol, account=accounts[name], client_id=client_id
            )
            assert thief.admitted
            thief.close()
        # The broker spoke with the victim after them: it is still the one that it was.
        assert victim.alive()
        victim.close()


# paho leaves the socket of a failed handshake to the collector, which complains.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_who_believes_another_authority_does_not_connect(
    city: City, protocol: MQTTProtocolVersion
) -> None:
    broker = city.service.stack.broker
    client = Secure(
        city, broker.tls_port, protocol, account=city.accounts["good"], believes=city.foreign
    )
    assert isinstance(client.error, ssl.SSLCertVerificationError)
    del client
    gc.collect()


def test_a_valid_certificate_is_its_gateway(city: City, protocol: MQTTProtocolVersion) -> None:
    port = city.service.stack.broker.tls_client_port
    mine = city.authority.issue_gateway("evil-gw")
    # Whatever name it gives itself, the certificate's counts: no password, no other's topic.
    client = Secure(
        city,
        port,
        protocol,
        certificate=mine,
        account=MqttAccount(username="good-gw", password="x"),
        client_id="good-gw",
    )
    assert client.admitted
    before = city.stored()
    client.say("good", batch("good-sem", 20 + int(protocol), "forged"))
    client.say("evil", batch("evil-sem", 20 + int(protocol), "mine"))
    assert receipted(client)["batch_id"] == "mine"
    assert city.stored() == before + 1
    assert {name for name, _ in client.received} == {topic("evil", "receipt")}
    client.close()


@pytest.mark.parametrize("kind", ["none", "expired", "foreign", "server's"])
def test_certificates_that_do_not_count(
    city: City, protocol: MQTTProtocolVersion, kind: str
) -> None:
    certificate = {
        "none": lambda: None,
        "expired": lambda: city.authority.issue_gateway("good-gw", days=-1),
        "foreign": lambda: city.foreign.issue_gateway("good-gw"),
        # It says whom it is for: a broker's key in wrong hands speaks for no gateway.
        "server's": lambda: city.authority.files.server,
    }[kind]()
    port = city.service.stack.broker.tls_client_port
    client = Secure(city, port, protocol, certificate=certificate, account=city.accounts["good"])
    assert not client.admitted
    client.close()


def test_a_revoked_certificate(city: City, protocol: MQTTProtocolVersion) -> None:
    name = f"revoked-{int(protocol)}"
    mine = city.authority.issue_gateway(name)
    port = city.service.stack.broker.tls_client_port

    def tried() -> bool:
        client = Secure(city, port, protocol, certificate=mine)
        client.close()
        return client.admitted

    assert tried()
    staying = Secure(city, port, protocol, certificate=city.authority.issue_gateway("good-gw"))
    assert city.authority.revoke(name) == 1
    until(lambda: not tried(), 5)
    # Those of others go on, and one that stands is not asked again.
    assert staying.admitted
    assert not staying.lost
    staying.close()


@pytest.mark.parametrize("name", ["jishi.ingest", "a/b", "+", "#", "", "x" * 65])
def test_no_certificate_for_what_is_no_gateway(tmp_path: Path, name: str) -> None:
    authority = Authority(tmp_path / "ca")
    authority.create()
    with pytest.raises(ValueError, match="must match"):
        authority.issue_gateway(name)


def test_keys_are_for_their_owner(city: City) -> None:
    folder = city.authority.certificate.parent
    assert folder.stat().st_mode & 0o077 == 0
    for path in folder.rglob("*.key"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_in_the_clear_on_loopback_alone(city: City) -> None:
    text = (city.service.stack.broker.data_directory / "mosquitto.conf").read_text()
    listeners = [line.split() for line in text.splitlines() if line.startswith("listener ")]
    assert [line[2] for line in listeners] == ["127.0.0.1"] * 3
