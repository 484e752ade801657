"""A Mosquitto by the shipped configuration, access list and account script, as they stand."""

import contextlib
import getpass
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from stack.certificates import Authority
from stack.fetch import find_mosquitto
from stack.passwords import hashed
from stack.settings import Settings
from tests.ports import free_ports
from tests.unit.deploy import test_broker_accounts

SHIPPED = Path(__file__).parents[3] / "deploy/mosquitto"
SECRET = test_broker_accounts.SECRET


class ShippedBroker:
    """The broker of `deploy/`, but for its port, its folder and the image's own account."""

    host = "127.0.0.1"

    def __init__(self, folder: Path, gateways: dict[str, str]) -> None:
        done = test_broker_accounts.run(folder, SECRET.encode())
        assert done.returncode == 0, done.stderr
        self._data = folder / "data"
        with (self._data / "passwords").open("a") as file:
            for name, password in gateways.items():
                file.write(f"{name}:{hashed(password)}\n")
        self.certs = folder / "certs"
        authority = Authority(self.certs)
        authority.create()
        authority.issue_server(["localhost", self.host])
        self.take_certificates()
        self.acl = folder / "acl"
        self.acl.write_text((SHIPPED / "acl").read_text("utf-8"))
        self.port, self.tls_port, self.tls_client_port = free_ports(3)
        configuration = folder / "mosquitto.conf"
        configuration.write_text(self._put_here((SHIPPED / "mosquitto.conf").read_text("utf-8")))
        program = find_mosquitto(Settings.from_environ({})).mosquitto
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen([program, "-c", configuration], stderr=log)
        until = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection((self.host, self.port)).close()
                return
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.05)

    def _put_here(self, text: str) -> str:
        """The shipped configuration with nothing changed but ports and places."""
        for shipped, here in (
            ("listener 1883", f"user root\nlistener {self.port} {self.host}"),
            ("listener 8883", f"listener {self.tls_port} {self.host}"),
            ("listener 8884", f"listener {self.tls_client_port} {self.host}"),
            ("/mosquitto/data/", f"{self._data}/"),
            ("/mosquitto/config/acl", str(self.acl)),
            ("log_dest stdout", "log_dest stderr"),
        ):
            assert shipped in text
            text = text.replace(shipped, here)
        return text

    def take_certificates(self) -> None:
        """The shipped script, as `broker-certificates` runs it."""
        script, target = SHIPPED / "take-certificates", self._data / "certs"
        subprocess.run([script, self.certs, target, getpass.getuser()], check=True)

    @property
    def pid(self) -> int:
        """The broker's process."""
        return self._process.pid

    def read_anew(self, acl: str) -> None:
        """Another access list, as `broker-sync` has the broker read its files."""
        self.acl.write_text(acl)
        self.remind()

    def remind(self) -> None:
        """Has it read its files once more: what comes while it reads them it forgets."""
        os.kill(self._process.pid, signal.SIGHUP)

    def url(self, user: str, password: str = SECRET) -> str:
        return f"mqtt://{user}:{password}@{self.host}:{self.port}"

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)


@contextlib.contextmanager
def shipped_broker(folder: Path, gateways: dict[str, str]) -> Iterator[ShippedBroker]:
    """Runs one."""
    broker = ShippedBroker(folder, gateways)
    try:
        yield broker
    finally:
        broker.close()
