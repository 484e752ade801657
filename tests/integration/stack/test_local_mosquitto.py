"""A real Mosquitto: what it keeps, whom it lets in, and what it delivers to whom.

Subscribing is always granted and delivery filtered, and older clients never hear that their
message was dropped: therefore every rule is tested by what arrives.
"""

import subprocess
from pathlib import Path

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from stack import InUseError, Mosquitto, MqttAccount, Programs, StackError
from tests.integration.stack.support import Connect, eventually
from tests.lacking import Part, lacking

V5, V311 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311
both = pytest.mark.parametrize(
    "protocol", [pytest.param(V5, id="v5"), pytest.param(V311, id="v3.1.1")]
)
NOT_AUTHORIZED = 0x87
ALL = ("instruments/v1/+/heartbeat", "instruments/v1/+/status", "instruments/v1/+/native/#")


def topic(gateway: str, leaf: str) -> str:
    return f"instruments/v1/{gateway}/{leaf}"


@both
def test_a_gateway_writes_its_own_topics_only(
    broker: Mosquitto, connect: Connect, protocol: MQTTProtocolVersion
) -> None:
    ours, _ = broker.set_password("gw-1"), broker.set_password("gw-2")
    ingest = connect(broker, broker.ingest)
    ingest.subscribe(*ALL, "$SYS/broker/version")
    gateway = connect(broker, ours, protocol=protocol)
    codes = {
        where: gateway.publish(where, b"x")
        for where in (
            topic("gw-2", "heartbeat"),
            topic("gw-2", "status"),
            topic("gw-1", "receipt"),
            topic("gw-1", "other"),
            topic("gw-1", "nativelike/plug"),
            topic("gw-2", "native/plug/SENSOR"),
            topic("native", "native/plug"),
            "elsewhere",
            topic("gw-1", "heartbeat"),
            topic("gw-1", "status"),
            topic("gw-1", "native/tele/plug/SENSOR"),
        )
    }
    own = {topic("gw-1", leaf) for leaf in ("heartbeat", "status", "native/tele/plug/SENSOR")}
    eventually(lambda: own <= {where for where, _ in ingest.received})
    arrived = [where for where, _ in ingest.received if not where.startswith("$SYS")]
    assert sorted(arrived) == sorted(own)
    if protocol == V5:
        refused = {where for where, code in codes.items() if code == NOT_AUTHORIZED}
        assert refused == set(codes) - own


@both
def test_a_gateway_reads_its_own_receipts_only(
    broker: Mosquitto, connect: Connect, protocol: MQTTProtocolVersion
) -> None:
    gateway = connect(broker, broker.set_password("gw-1"), protocol=protocol)
    other = connect(broker, broker.set_password("gw-2"))
    ingest = connect(broker, broker.ingest)
    gateway.subscribe("#", "$SYS/#", topic("+", "receipt"), topic("gw-2", "receipt"))
    other.publish(topic("gw-2", "heartbeat"), b"theirs")
    other.publish(topic("gw-2", "status"), b"theirs", retain=True)
    ingest.publish(topic("gw-2", "receipt"), b"theirs")
    ingest.publish(topic("gw-1", "receipt"), b"ours")
    eventually(lambda: bool(gateway.received))
    assert set(gateway.received) == {(topic("gw-1", "receipt"), b"ours")}


@both
def test_a_gateway_is_the_edge_node_of_its_name_and_no_other(
    broker: Mosquitto, connect: Connect, protocol: MQTTProtocolVersion
) -> None:
    host = connect(broker, broker.host_account)
    host.subscribe("spBv1.0/#")
    node = connect(broker, broker.set_password("gw-1"), protocol=protocol)
    node.subscribe("spBv1.0/#", "spBv1.0/lab/NCMD/gw-2")
    own = [f"spBv1.0/lab/{verb}/gw-1" for verb in ("NBIRTH", "NDATA", "NDEATH")]
    own += [f"spBv1.0/lab/{verb}/gw-1/plug" for verb in ("DBIRTH", "DDATA", "DDEATH")]
    others = [name.replace("gw-1", "gw-2") for name in own]
    others += ["spBv1.0/STATE/host", "spBv1.0/lab/NCMD/gw-1", "spBv1.0/lab/DDATA/gw-1"]
    codes = {where: node.publish(where, b"x") for where in (*others, *own)}
    eventually(lambda: {where for where, _ in host.received} >= set(own))
    assert [where for where, _ in host.received] == own
    if protocol == V5:
        assert {where for where, code in codes.items() if code == NOT_AUTHORIZED} == set(others)
    for where in ("spBv1.0/lab/NCMD/gw-2", "spBv1.0/lab/NCMD/gw-1", "spBv1.0/STATE/host"):
        host.publish(where, b"x")
    eventually(lambda: len(node.received) == 2)
    assert [name for name, _ in node.received] == ["spBv1.0/lab/NCMD/gw-1", "spBv1.0/STATE/host"]


def test_the_host_writes_commands_and_its_state_alone(broker: Mosquitto, connect: Connect) -> None:
    host = connect(broker, broker.host_account)
    for where in ("spBv1.0/lab/NDATA/gw-1", topic("gw-1", "heartbeat"), topic("gw-1", "status")):
        assert host.publish(where, b"x") == NOT_AUTHORIZED
    assert host.publish("spBv1.0/lab/NCMD/gw-1", b"x") < 0x80


def test_the_ingest_writes_nothing_but_receipts(broker: Mosquitto, connect: Connect) -> None:
    ingest = connect(broker, broker.ingest)
    assert ingest.publish(topic("gw-1", "heartbeat"), b"x") == NOT_AUTHORIZED
    assert ingest.publish(topic("gw-1", "receipt"), b"x") < 0x80


@both
def test_nobody_takes_the_ingests_session(
    broker: Mosquitto, connect: Connect, protocol: MQTTProtocolVersion
) -> None:
    ingest = connect(broker, broker.ingest, keep_session=True)
    ingest.subscribe(*ALL)
    thief = connect(
        broker, broker.set_password("gw-1"), client_id=broker.ingest_client_id, protocol=protocol
    )
    thief.publish(topic("gw-1", "heartbeat"), b"mine")
    eventually(lambda: ingest.payloads() == [b"mine"])
    assert not ingest.lost.is_set()


def test_the_ingests_client_id_is_a_secret(broker: Mosquitto, open_broker: Mosquitto) -> None:
    ids = {broker.ingest_client_id, open_broker.ingest_client_id}
    assert len(ids) == 2
    assert all(len(name.rsplit(".", 1)[1]) == 32 for name in ids)
    for server in (broker, open_broker):
        accounts = server.log.with_name("mosquitto.accounts")
        assert server.ingest_client_id.rsplit(".", 1)[1] in accounts.read_text()
        for path in (accounts, server.log, *server.data_directory.iterdir()):
            assert path.stat().st_mode & 0o077 == 0


@both
def test_the_publisher_speaks_for_every_gateway_from_many_clients(
    open_broker: Mosquitto, connect: Connect, protocol: MQTTProtocolVersion
) -> None:
    account = open_broker.publisher
    assert account is not None
    ingest = connect(open_broker, open_broker.ingest)
    ingest.subscribe(*ALL)
    clients = [connect(open_broker, account, protocol=protocol) for _ in range(3)]
    clients[0].subscribe(topic("+", "receipt"))
    for number, client in enumerate(clients):
        client.publish(topic(f"gw-{number}", "heartbeat"), b"%d" % number)
    ingest.publish(topic("gw-9", "receipt"), b"r")
    eventually(lambda: sorted(ingest.payloads()) == [b"0", b"1", b"2"])
    eventually(lambda: clients[0].payloads() == [b"r"])
    assert not any(client.lost.is_set() for client in clients)


def test_there_is_no_publisher_unless_asked_for(broker: Mosquitto, connect: Connect) -> None:
    assert broker.publisher is None
    guess = MqttAccount(username="jishi.publisher", password="")
    assert connect(broker, guess).refusal == NOT_AUTHORIZED


@pytest.mark.parametrize("word", ["", "wrong"])
def test_strangers_stay_outside(broker: Mosquitto, connect: Connect, word: str) -> None:
    broker.set_password("gw-1")
    for user in ("gw-1", "unknown", ""):
        stranger = MqttAccount(username=user, password=word)
        assert connect(broker, stranger, client_id="c").refusal is not None


def test_accounts_change_while_it_runs(broker: Mosquitto, connect: Connect) -> None:
    first = broker.set_password("gw-1", "first")
    assert connect(broker, first).refusal is None
    second = broker.set_password("gw-1", "second")
    assert connect(broker, first).refusal == NOT_AUTHORIZED
    assert connect(broker, second).refusal is None
    broker.restart()
    assert connect(broker, second).refusal is None
    broker.remove("gw-1")
    assert connect(broker, second).refusal == NOT_AUTHORIZED
    fleet = broker.set_passwords({f"gw-{n}": f"word-{n}" for n in range(200)})
    assert connect(broker, fleet["gw-199"]).refusal is None


def test_new_accounts_disturb_nobody(broker: Mosquitto, connect: Connect) -> None:
    ingest = connect(broker, broker.ingest)
    ingest.subscribe(*ALL)
    gateway = connect(broker, broker.set_password("gw-1"))
    broker.set_password("gw-2")
    broker.remove("gw-2")
    gateway.publish(topic("gw-1", "heartbeat"), b"x")
    eventually(lambda: ingest.payloads() == [b"x"])
    assert not ingest.lost.is_set()
    assert not gateway.lost.is_set()


def test_accounts_can_be_made_before_it_runs(
    programs: Programs, tmp_path: Path, connect: Connect
) -> None:
    account = Mosquitto(programs.mosquitto, tmp_path).set_password("gw-1")
    with Mosquitto(programs.mosquitto, tmp_path) as broker:
        assert connect(broker, account).refusal is None


def test_the_queue_outlives_a_restart(broker: Mosquitto, connect: Connect) -> None:
    # More than the 1,000 that Mosquitto queues by default before it drops in silence.
    sent = [b"%d" % number for number in range(5_000)]
    account = broker.set_password("gw-1")
    ingest = connect(broker, broker.ingest, keep_session=True)
    ingest.subscribe(*ALL)
    ingest.close()
    gateway = connect(broker, account)
    gateway.send(topic("gw-1", "heartbeat"), sent)
    gateway.close()
    broker.restart()
    back = connect(broker, broker.ingest, keep_session=True)
    eventually(lambda: len(back.received) >= len(sent))
    assert back.payloads() == sent


def test_queue_limits_hold(programs: Programs, tmp_path: Path, connect: Connect) -> None:
    with Mosquitto(programs.mosquitto, tmp_path, max_queued_bytes=50_000) as broker:
        account = broker.set_password("gw-1")
        ingest = connect(broker, broker.ingest, keep_session=True)
        ingest.subscribe(*ALL)
        ingest.close()
        connect(broker, account).send(topic("gw-1", "heartbeat"), [bytes(1_000)] * 100)
        back = connect(broker, broker.ingest, keep_session=True)
        back.subscribe("$SYS/broker/publish/messages/dropped")
        eventually(lambda: any(where.startswith("$SYS") for where, _ in back.received))
        kept = [where for where, _ in back.received if not where.startswith("$SYS")]
        assert len(kept) == 50


@pytest.mark.parametrize("limit", [0, -1, 2**31])
def test_queue_limits_that_would_wrap_around_are_refused(
    programs: Programs, tmp_path: Path, limit: int
) -> None:
    with pytest.raises(ValueError, match="queue limit"):
        Mosquitto(programs.mosquitto, tmp_path, max_queued_bytes=limit)


def test_the_client_chooses_the_window(broker: Mosquitto, connect: Connect) -> None:
    account = broker.set_password("gw-1")
    ingest = connect(broker, broker.ingest, manual_ack=True, receive_maximum=500)
    ingest.subscribe(*ALL)
    gateway = connect(broker, account)
    gateway.send(topic("gw-1", "heartbeat"), [b"x"] * 600)
    eventually(lambda: len(ingest.received) >= 500)
    assert len(ingest.received) == 500


def test_older_clients_get_a_large_window_too(broker: Mosquitto, connect: Connect) -> None:
    account = broker.set_password("gw-1")
    ingest = connect(broker, broker.ingest, manual_ack=True, protocol=V311)
    ingest.subscribe(*ALL)
    connect(broker, account).send(topic("gw-1", "heartbeat"), [b"x"] * 600)
    eventually(lambda: len(ingest.received) == 600)


def test_too_large_a_message_reaches_us_to_be_recorded(broker: Mosquitto, connect: Connect) -> None:
    account = broker.set_password("gw-1")
    ingest = connect(broker, broker.ingest)
    ingest.subscribe(*ALL)
    gateway = connect(broker, account)
    gateway.publish(topic("gw-1", "heartbeat"), bytes(2 << 20))
    eventually(lambda: [len(payload) for payload in ingest.payloads()] == [2 << 20])


def test_workers_have_accounts_of_their_own(
    programs: Programs, tmp_path: Path, connect: Connect
) -> None:
    with Mosquitto(programs.mosquitto, tmp_path, ingest_workers=2) as broker:
        both_workers = [connect(broker, broker.ingest_account(n)) for n in range(2)]
        for worker in both_workers:
            worker.subscribe(*ALL)
        connect(broker, broker.set_password("gw-1")).publish(topic("gw-1", "heartbeat"), b"x")
        for worker in both_workers:
            eventually(lambda worker=worker: worker.payloads() == [b"x"])  # type: ignore[misc]
        with pytest.raises(ValueError, match="worker 2"):
            broker.ingest_account(2)


def test_kill_and_start_keep_port_and_accounts(broker: Mosquitto, connect: Connect) -> None:
    before = (broker.port, broker.ingest)
    broker.kill()
    assert not broker.running()
    broker.start()
    assert (broker.port, broker.ingest) == before
    assert connect(broker, broker.ingest).refusal is None


def test_a_taken_port_is_named(broker: Mosquitto, programs: Programs, tmp_path: Path) -> None:
    with pytest.raises(InUseError, match=f"{broker.port} taken"):
        Mosquitto(programs.mosquitto, tmp_path / "second", port=broker.port).start()


def test_what_the_broker_says_of_its_failure_is_quoted(programs: Programs, tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"(?s)did not start.*Invalid port"):
        Mosquitto(programs.mosquitto, tmp_path, port=70_000).start()
    assert not (tmp_path / "mosquitto.lock").exists()


def test_the_packages_own_client_works(programs: Programs, open_broker: Mosquitto) -> None:
    clients, account = programs.mosquitto.clients, open_broker.publisher
    assert account is not None
    if clients is None:
        lacking(Part.MOSQUITTO_CLIENTS)
    where = ["-h", open_broker.host, "-p", str(open_broker.port)]
    who = ["-u", account.username, "-P", account.password]
    what = ["-q", "1", "-t", topic("a", "heartbeat"), "-m", "x"]
    done = subprocess.run(
        [clients / "mosquitto_pub", *where, *who, *what], capture_output=True, timeout=20
    )
    assert (done.returncode, done.stderr) == (0, b"")
