"""Gateways' accounts: from the API to the broker within seconds, and out again."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from cli.broker_sync import MosquittoFiles, Watcher
from stack import Mosquitto, MqttAccount, passwords
from stack import Settings as StackSettings
from stack.fetch import find_mosquitto
from store.registry.broker_accounts import hashed
from tests.integration.stack.support import Client, Connect, eventually
from tests.live import Live, until
from tests.prometheus import promtool

Credentials = Callable[[str], MqttAccount]
ROOT = Path(__file__).parents[2]
WITHIN = 5.0  # seconds for a change to hold at the broker


def gets_in(connect: Connect, live: Live, account: MqttAccount, protocol: object) -> Client:
    """A connection, as soon as the broker knows the account."""
    found: list[Client] = []

    def tried() -> bool:
        client = connect(live.service.stack.broker, account, protocol=protocol)
        found.append(client)
        return client.refusal is None

    until(tried, WITHIN)
    return found[-1]


def test_an_account_from_its_making_to_its_end(
    live: Live, connect: Connect, credentials: Credentials, protocol: MQTTProtocolVersion
) -> None:
    gateway = live.gateway()
    instrument = live.instrument(gateway=gateway)
    stranger = MqttAccount(username=gateway, password="guess", client_id=gateway)
    broker = live.service.stack.broker
    assert connect(broker, stranger, protocol=protocol).refusal is not None

    first = credentials(gateway)
    assert first.username == gateway
    client = gets_in(connect, live, first, protocol)
    client.subscribe(f"instruments/v1/{gateway}/receipt")
    beat = {"instrument_id": instrument, "ts": "2026-11-01T00:00:00Z", "state": "running"}
    batch = {"batch_id": "b1", "heartbeats": [beat]}
    client.publish(f"instruments/v1/{gateway}/heartbeat", json.dumps(batch).encode())
    eventually(lambda: bool(client.received))
    assert json.loads(client.received[0][1])["stored"] == 1

    # A new password ends the old one, and the connection that came with it.
    second = credentials(gateway)
    assert second.password != first.password
    assert client.lost.wait(WITHIN)
    again = gets_in(connect, live, second, protocol)
    assert connect(broker, first, protocol=protocol).refusal is not None

    began = time.monotonic()
    assert live.http.delete(f"/v1/gateways/{gateway}/credentials").status_code == 204
    assert again.lost.wait(WITHIN)
    assert time.monotonic() - began < WITHIN
    assert connect(broker, second, protocol=protocol).refusal is not None
    assert live.http.delete(f"/v1/gateways/{gateway}/credentials").status_code == 204

    entries = live.get("audit", object_type="credential", object_id=gateway)["items"]
    assert [one["action"] for one in entries] == ["revoke", "rotate", "create"]
    assert not any(word in json.dumps(entries) for word in (first.password, second.password))


def test_others_stay_connected_while_accounts_change(
    live: Live, connect: Connect, credentials: Credentials
) -> None:
    staying = live.gateway()
    client = gets_in(connect, live, credentials(staying), MQTTProtocolVersion.MQTTv5)
    for gateway in (live.gateway(), live.gateway()):
        gets_in(connect, live, credentials(gateway), MQTTProtocolVersion.MQTTv5)
        live.http.delete(f"/v1/gateways/{gateway}/credentials")
    assert not client.lost.is_set()
    assert live.service.watch() == []


def test_no_account_for_a_gateway_that_is_not_registered(live: Live) -> None:
    assert live.http.post("/v1/gateways/nobody/credentials").status_code == 404
    assert live.http.delete("/v1/gateways/nobody/credentials").status_code == 404


def test_the_password_is_stored_nowhere(live: Live, credentials: Credentials) -> None:
    account = credentials(live.gateway())
    with live.database() as connection:
        rows = connection.execute("SELECT c::text FROM gateway_credential c").fetchall()
        rows += connection.execute("SELECT a::text FROM audit a").fetchall()
    assert account.password not in str(rows)
    for path in live.service.stack.folder.rglob("*"):
        if path.is_file() and "postgres/" not in str(path):
            assert account.password.encode() not in path.read_bytes(), path


def test_hashes_are_as_the_broker_takes_them() -> None:
    salt = b"twelve bytes"
    assert hashed("secret", salt) == passwords.hashed("secret", salt=salt)
    passwords.check_hash(hashed("secret", salt))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("plain", id="no hash"),
        pytest.param("$7$1$YQ==$YQ==\nroot:$7$1$YQ==$YQ==", id="a second line"),
        pytest.param("$7$1$YQ==$YQ==:x", id="a colon"),
    ],
)
def test_what_would_break_the_password_file_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"form \$7\$"):
        passwords.check_hash(value)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that `jishi up` knows nothing of."""
    programs = find_mosquitto(StackSettings.from_environ(os.environ))
    with Mosquitto(programs, tmp_path / "elsewhere") as broker:
        yield broker


def test_the_command_keeps_a_broker_in_step(
    live: Live,
    connect: Connect,
    credentials: Credentials,
    elsewhere: Mosquitto,
    protocol: MQTTProtocolVersion,
    tmp_path: Path,
) -> None:
    target = elsewhere.data_directory / "passwords"
    base = tmp_path / "base"
    base.write_text(target.read_text())
    settings = {
        "JISHI_DATABASE_URL": live.service.database_url,
        "JISHI_BROKER_PASSWORD_FILE": str(target),
        "JISHI_BROKER_BASE_FILE": str(base),
        "JISHI_BROKER_PID": str(elsewhere.pid),
        "JISHI_BROKER_SYNC_METRICS_PORT": "0",
    }
    command = [sys.executable, "-m", "cli", "broker-sync"]
    began = time.time()
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **settings}, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            metrics_url = json.loads(process.stdout.readline())["metrics_url"]
            gateway = live.gateway()
            account = credentials(gateway)
            until(lambda: f"{gateway}:" in target.read_text())
            client = until(lambda: admitted(connect, elsewhere, account, protocol), WITHIN)
            metrics = httpx.get(metrics_url).text
            asked = time.time()
            assert promtool("check", "metrics", given=metrics).stdout == ""
            told = dict(re.findall(r"^jishi_broker_sync_(\w+) (\S+)$", metrics, re.MULTILINE))
            assert float(told["accounts"]) >= 1
            assert began <= float(told["looked_timestamp_seconds"]) <= asked
            assert float(told["failures_total"]) == 0
            assert live.http.delete(f"/v1/gateways/{gateway}/credentials").status_code == 204
            assert client.lost.wait(WITHIN)
            assert not admitted(connect, elsewhere, account, protocol)
            # What stood in the base goes on: it is not ours to take away.
            assert connect(elsewhere, elsewhere.ingest, protocol=protocol).refusal is None
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0


#: Reads its file as Mosquitto does: of what it is told while it reads, it knows nothing afterwards.
#: Reads for the first time until it is told a second time, or for as long as a city's may take.
FORGETFUL = """
import pathlib, signal, sys, time
target, has_read = map(pathlib.Path, sys.argv[1:])
told = 0
def tell(*_):
    global told
    told += 1
signal.signal(signal.SIGHUP, tell)
enough = 2
print("ready", flush=True)
while True:
    if told:
        text = target.read_text()
        until = time.monotonic() + 3
        while told < enough and time.monotonic() < until:
            time.sleep(0.01)
        has_read.write_text(text)
        told, enough = 0, 1
    time.sleep(0.01)
"""


@pytest.mark.parametrize("once", [False, True], ids=["as they change", "once"])
def test_a_broker_that_was_reading_still_reads_the_second_change_too(
    live: Live, credentials: Credentials, tmp_path: Path, once: bool
) -> None:
    target, has_read = tmp_path / "passwords", tmp_path / "read"
    command = [sys.executable, "-c", FORGETFUL, str(target), str(has_read)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as broker:
        sync = [sys.executable, "-m", "cli", "broker-sync", "--password-file", str(target)]
        sync += ["--pid", str(broker.pid)]
        env = {**os.environ, "JISHI_DATABASE_URL": live.service.database_url}
        running = None
        try:
            assert broker.stdout is not None
            assert broker.stdout.readline() == b"ready\n"
            files = MosquittoFiles(target, base=None, pid=broker.pid, pid_file=None)
            if once:
                # As another hands it on.
                files.replace_gateways({})
            else:
                running = subprocess.Popen(sync, cwd=ROOT, env=env)
                until(target.exists)
            gateway = live.gateway()
            credentials(gateway)
            if once:
                subprocess.run([*sync, "--once"], cwd=ROOT, env=env, check=True)
            until(lambda: has_read.exists() and f"{gateway}:" in has_read.read_text())
        finally:
            broker.kill()
            if running is not None:
                running.terminate()
                running.wait()


def admitted(
    connect: Connect, broker: Mosquitto, account: MqttAccount, protocol: MQTTProtocolVersion
) -> Client | None:
    client = connect(broker, account, protocol=protocol)
    return client if client.refusal is None else None


def test_a_broker_elsewhere_gets_a_file(
    live: Live, credentials: Credentials, tmp_path: Path
) -> None:
    folder = tmp_path
    gateway = live.gateway()
    credentials(gateway)
    base = folder / "base"
    base.write_text("jishi.ingest:$7$1$YQ==$YQ==")
    target = folder / "passwords"
    files = MosquittoFiles(target, base=base, pid=None, pid_file=None)
    watcher = Watcher(live.service.database_url, files)
    with psycopg.connect(live.service.database_url) as connection:
        assert watcher.look(connection)
        assert not watcher.look(connection)
    lines = target.read_text().splitlines()
    assert lines[0].startswith("jishi.ingest:$7$")
    assert any(line.startswith(f"{gateway}:$7$1000$") for line in lines)
    assert target.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("changed", ["base", "certs/server.pem"])
def test_what_others_write_beside_the_accounts_is_handed_on_too(
    live: Live, tmp_path: Path, changed: str
) -> None:
    """An account of ours or a certificate that is renewed, while no gateway's account changes."""
    (tmp_path / "certs").mkdir()
    (tmp_path / "renewed.pem").write_text("one")
    (tmp_path / "certs/server.pem").symlink_to(tmp_path / "renewed.pem")
    base, target = tmp_path / "base", tmp_path / "passwords"
    base.write_text("jishi.ingest:$7$1$YQ==$YQ==\n")
    told = tmp_path / "told"
    script = f"trap 'echo read >> {told}' HUP; echo > {told}; while :; do sleep 0.05; done"
    # Below `nohup` a shell cannot hear of a hang-up.
    with subprocess.Popen(["env", "--default-signal=HUP", "sh", "-c", script]) as broker:
        try:
            until(told.exists, 5)
            files = MosquittoFiles(
                target, base=base, pid=broker.pid, pid_file=None, certs=tmp_path / "certs"
            )
            watcher = Watcher(live.service.database_url, files, beside=files.beside)
            with psycopg.connect(live.service.database_url) as connection:
                assert watcher.look(connection)
                assert not watcher.look(connection)
                until(lambda: told.read_text().count("read") == 1, 5)
                (tmp_path / changed).write_text("jishi.ingest.2:$7$1$YQ==$YQ==\n")
                assert watcher.look(connection)
                assert not watcher.look(connection)
                until(lambda: told.read_text().count("read") == 2, 5)
        finally:
            broker.kill()
    if changed == "base":
        assert target.read_text().startswith("jishi.ingest.2:")
