"""The shipped broker towards the outside: TLS by account and by certificate, and renewal."""

import getpass
import os
import re
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from stack.certificates import Authority
from stack.fetch import find_mosquitto
from stack.settings import Settings
from tests.integration.deploy.shipped_broker import (
    SHIPPED,
    ShippedBroker,
    shipped_broker,
)
from tests.live import until
from tests.ports import free_port, free_ports

#: What Debian's own /etc/mosquitto/mosquitto.conf says, places put here.
DEBIAN = """\
pid_file {folder}/mosquitto.pid
persistence true
persistence_location {folder}/state/
log_dest file {folder}/mosquitto.log
include_dir {folder}/conf.d
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShippedBroker]:
    with shipped_broker(tmp_path_factory.mktemp("tls"), {"gw-1": "word"}) as running:
        yield running


def shown(broker: ShippedBroker, port: int, pair: tuple[str, str] | None = None) -> bytes:
    """The certificate that it shows; an error where it takes ours not."""
    context = ssl.create_default_context(cafile=broker.certs / "ca.pem")
    if pair:
        context.load_cert_chain(*pair)
    with (
        socket.create_connection((broker.host, port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        # CONNECT of MQTT 3.1.1 without a name: with TLS 1.3 a refusal comes with the first answer.
        connection.sendall(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x0a\x00\x04gw-1")
        connection.recv(4)
        certificate = connection.getpeercert(binary_form=True)
    assert certificate is not None
    return certificate


def test_a_certificate_that_is_renewed_is_shown_after_the_signal(broker: ShippedBroker) -> None:
    before = shown(broker, broker.tls_port)
    Authority(broker.certs).issue_server(["localhost", broker.host])
    assert shown(broker, broker.tls_port) == before
    broker.take_certificates()
    os.kill(broker.pid, signal.SIGHUP)
    until(lambda: shown(broker, broker.tls_port) != before, 10)


def test_gateways_come_by_certificate_until_it_is_revoked(broker: ShippedBroker) -> None:
    authority = Authority(broker.certs)
    made = authority.issue_gateway("gw-1")
    pair = (str(made.certificate), str(made.key))
    assert shown(broker, broker.tls_client_port, pair)
    with pytest.raises(OSError):
        shown(broker, broker.tls_client_port)
    authority.revoke("gw-1")
    broker.take_certificates()
    os.kill(broker.pid, signal.SIGHUP)

    def refused() -> bool:
        try:
            shown(broker, broker.tls_client_port, pair)
        except OSError:
            return True
        return False

    until(refused, 10)


@pytest.mark.parametrize("missing", ["server.key", "revoked.pem"])
def test_certificates_are_taken_all_or_none(tmp_path: Path, missing: str) -> None:
    authority = Authority(tmp_path / "certs")
    authority.create()
    authority.issue_server(["localhost"])
    (tmp_path / "certs" / missing).unlink()
    script = [SHIPPED / "take-certificates", tmp_path / "certs", tmp_path / "to", getpass.getuser()]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{missing} is missing" in done.stderr
    assert not (tmp_path / "to").exists()


def test_the_health_check_tells_a_broker_from_none(broker: ShippedBroker) -> None:
    """The shell's own words of compose.yaml."""
    services = yaml.safe_load((SHIPPED.parent / "compose.yaml").read_text("utf-8"))["services"]
    (kind, text) = services["broker"]["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    program = find_mosquitto(Settings.from_environ({})).mosquitto.resolve()
    path = f"{program.parents[1]}/usr/bin:{program.parents[1]}/bin:{os.environ['PATH']}"
    for port, status in ((broker.port, 0), (free_port(), 1)):
        command = text.replace("1883", str(port))
        done = subprocess.run(["sh", "-c", command], env={"PATH": path}, check=False)
        assert done.returncode == status


def test_debians_broker_is_told_the_same_and_takes_it(
    broker: ShippedBroker, tmp_path: Path
) -> None:
    def told(name: str) -> set[str]:
        lines = (SHIPPED / name).read_text("utf-8").splitlines()
        return {line for line in lines if line and not line.startswith("#")}

    text = (SHIPPED / "debian.conf").read_text("utf-8")
    places = {
        "/var/lib/mosquitto/": "/mosquitto/data/",
        "/etc/mosquitto/jishi.acl": "/mosquitto/config/acl",
        "listener 1883 127.0.0.1": "listener 1883",
    }
    same = text
    for there, here in places.items():
        same = same.replace(there, here)
    kept = {line for line in same.splitlines() if line and not line.startswith("#")}
    assert told("mosquitto.conf") - kept == {
        "persistence true",
        "persistence_location /mosquitto/data/",
        "log_dest stdout",
    }
    assert kept <= told("mosquitto.conf")

    data = broker.certs.parent / "data"
    ports = free_ports(3)
    for shipped, port in zip((1883, 8883, 8884), ports, strict=True):
        text = re.sub(rf"listener {shipped}.*", f"listener {port} 127.0.0.1", text)
    text = text.replace("/var/lib/mosquitto/", f"{data}/")
    text = text.replace("/etc/mosquitto/jishi.acl", str(broker.acl))
    for folder in ("conf.d", "state"):
        (tmp_path / folder).mkdir()
    (tmp_path / "conf.d/jishi.conf").write_text(f"user root\n{text}")
    (tmp_path / "mosquitto.conf").write_text(DEBIAN.format(folder=tmp_path))
    program = find_mosquitto(Settings.from_environ({})).mosquitto
    with subprocess.Popen([program, "-c", tmp_path / "mosquitto.conf"]) as process:
        try:
            until((tmp_path / "mosquitto.pid").exists, 10)
            until(lambda: all(map(listens, ports)), 10)
        finally:
            process.terminate()
    assert "Error" not in (tmp_path / "mosquitto.log").read_text()


def listens(port: int) -> bool:
    """Whether something does, seen without calling it.

    A call that ends before its handshake is an error in the broker's log by itself.
    """
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)
