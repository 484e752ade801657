"""A Mosquitto by the shipped configuration, access list and account script, as they stand."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from stack.fetch import find_mosquitto
from stack.passwords import hashed
from stack.settings import Settings
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
        self.acl = folder / "acl"
        self.acl.write_text((SHIPPED / "acl").read_text("utf-8"))
        with socket.create_server((self.host, 0)) as free:
            self.port = free.getsockname()[1]
        text = (SHIPPED / "mosquitto.conf").read_text("utf-8")
        for shipped, here in (
            ("listener 1883", f"user root\nlistener {self.port} {self.host}"),
            ("/mosquitto/data/", f"{self._data}/"),
            ("/mosquitto/config/acl", str(self.acl)),
            ("log_dest stdout", "log_dest stderr"),
        ):
            assert shipped in text
            text = text.replace(shipped, here)
        (folder / "mosquitto.conf").write_text(text)
        program = find_mosquitto(Settings.from_environ({})).mosquitto
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen([program, "-c", folder / "mosquitto.conf"], stderr=log)
        until = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection((self.host, self.port)).close()
                return
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.05)

    def read_anew(self, acl: str) -> None:
        """Another access list, as `broker-sync` has the broker read its files."""
        self.acl.write_text(acl)
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
