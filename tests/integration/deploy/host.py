"""A host set up as `docs/deploy.md` says, on this machine's own ports and below one folder."""

import secrets
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
from cryptography.fernet import Fernet

from cli.roles import ROLES
from stack import Postgres
from tests.integration.deploy.shipped_broker import SECRET, ShippedBroker
from tests.integration.deploy.units import SHIPPED, Unit, credentials
from tests.ports import free_ports

PORTS = ("api", "1", "2", "sync", "follower-api", "follower")


def answers(url: str) -> bool:
    """Whether a page says 200."""
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


class Host:
    """A host's /etc/jishi, filled in as the shipped files ask, and the units started on it."""

    def __init__(self, folder: Path, postgres: Postgres, broker: ShippedBroker) -> None:
        """Write its files; nothing runs yet."""
        self.folder, self.etc = folder, folder / "etc"
        shutil.copytree(SHIPPED / "environment", self.etc)
        (self.etc / "roles").mkdir()
        passwords = {role: secrets.token_hex(24) for role in ROLES}
        for role, password in passwords.items():
            (self.etc / "roles" / role).write_text(f"{password}\n")
        self.owner_url = postgres.url
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        owner = urlsplit(postgres.url)
        written = {
            "jishi:OWNER_PASSWORD@127.0.0.1": owner.netloc,
            "@127.0.0.1/jishi": f"@127.0.0.1:{owner.port}/jishi",
            "@127.0.0.1:1883": f"@127.0.0.1:{broker.port}",
            "MQTT_PASSWORD": SECRET,
            "JISHI_WEBHOOK_KEYS=": f"JISHI_WEBHOOK_KEYS={Fernet.generate_key().decode()}",
            "JISHI_API_PORT=8080": f"JISHI_API_PORT={self.ports['api']}",
            "JISHI_API_PORT=8081": f"JISHI_API_PORT={self.ports['follower-api']}",
            "METRICS_PORT=9467": f"METRICS_PORT={self.ports['follower']}",
            "JISHI_METRICS_PORT=9464": f"JISHI_METRICS_PORT={self.ports['1']}",
            "JISHI_METRICS_PORT=9466": f"JISHI_METRICS_PORT={self.ports['2']}",
        } | {f"{role.upper()}_PASSWORD": word for role, word in passwords.items()}
        for path in self.etc.glob("*.env"):
            text = path.read_text("utf-8")
            for shipped, here in written.items():
                text = text.replace(shipped, here)
            assert "PASSWORD" not in text
            path.write_text(text)
        pid = folder / "mosquitto.pid"
        pid.write_text(f"{broker.pid}\n")
        self.places = {
            "/var/lib/mosquitto": str(broker.certs.parent / "data"),
            "/run/mosquitto/mosquitto.pid": str(pid),
            "9465": str(self.ports["sync"]),
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def migrate(self, name: str = "jishi-migrate") -> None:
        """What `jishi-migrate` does, its credentials in a folder as systemd makes one."""
        unit, given = Unit(f"{name}.service"), self.folder / f"{name}.credentials"
        credentials(unit, self.etc, given)
        environment = unit.environment(self.etc) | {"CREDENTIALS_DIRECTORY": str(given)}
        for command in unit.commands({"${CREDENTIALS_DIRECTORY}": str(given)}):
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr

    def jishi(self, *words: str, owner: str = "jishi-migrate") -> str:
        """What the command line says to a database's owner."""
        command = Unit("jishi-api.service").commands({})[0][0]
        environment = Unit(f"{owner}.service").environment(self.etc)
        done = subprocess.run(
            [command, *words], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, name: str, **more: str) -> None:
        """A unit's command, until `stop`; with what this machine's network is like."""
        log = self.folder / f"{name}.log"
        self.running[name] = Unit(f"{name}.service").start(self.etc, self.places, log, **more)

    def listens(self, gateway: str) -> bool:
        """Whether a worker does for this gateway: within seconds of its registration."""
        question = (
            "SELECT EXISTS (SELECT FROM collector_listening"
            " WHERE NOT closed AND %s = ANY (gateways))"
        )
        with psycopg.connect(self.owner_url) as connection:
            return connection.execute(question, [gateway]).fetchone() == (True,)

    @property
    def api(self) -> str:
        """The API's address."""
        return f"http://127.0.0.1:{self.ports['api']}"

    def page(self, port: str) -> str:
        """The address of a worker's pages, or of broker-sync's."""
        return f"http://127.0.0.1:{self.ports[port]}"

    def said(self) -> str:
        """All that the parts logged."""
        return "\n".join(path.read_text() for path in self.folder.glob("*.log"))

    def stop(self) -> None:
        """As systemd ends them: SIGTERM, and each ends well."""
        for process in self.running.values():
            process.terminate()
        for name, process in self.running.items():
            assert process.wait(40) in (0, -15), f"{name}: {self.said()}"
