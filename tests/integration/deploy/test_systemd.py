"""The units as systemd's own tool judges them, and their commands run as they stand."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as mqtt
import psycopg
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from stack import Postgres, Settings
from stack.fetch import find_postgres
from tests.integration.deploy.host import Host, answers
from tests.integration.deploy.shipped_broker import (
    SECRET,
    ShippedBroker,
    shipped_broker,
)
from tests.integration.deploy.units import COMMAND, SHIPPED, Unit
from tests.lacking import Part, lacking
from tests.live import until
from tests.ports import free_port

UNITS = [path.name for path in sorted(SHIPPED.glob("*.service"))]
JISHI_KEY = r"jishi_\S+"
EXPOSURE_MOST = 1.6  # of 10, by systemd's own count


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        lacking(Part.SYSTEMD)
    return subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False
    )


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """With a command that is there, since /opt/jishi is not."""
    for path in (*SHIPPED.glob("*.service"), *SHIPPED.glob("*.target")):
        text = path.read_text("utf-8").replace(COMMAND, "/bin/true")
        (tmp_path / path.name.replace("@.", "@1.")).write_text(text)
    done = analyze("verify", "--man=no", *sorted(tmp_path.iterdir()))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_can_do_little(name: str, tmp_path: Path) -> None:
    copy = tmp_path / name.replace("@.", "@1.")
    copy.write_text((SHIPPED / name).read_text("utf-8"))
    done = analyze("security", "--offline=yes", "--no-pager", copy)
    assert done.returncode == 0, done.stderr
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None
    assert float(found[1]) <= EXPOSURE_MOST


@pytest.mark.parametrize("name", UNITS)
def test_secrets_come_from_files_of_ones_own(name: str) -> None:
    unit = Unit(name.replace("@.", "@1."))
    # Addresses with passwords would stand there for everyone to read.
    assert "://" not in (SHIPPED / name).read_text("utf-8")
    for file in unit.settings["EnvironmentFile"]:
        assert (SHIPPED / "environment" / Path(file).name).exists()
    assert ("DynamicUser" in unit.settings) != ("User" in unit.settings)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShippedBroker]:
    with shipped_broker(tmp_path_factory.mktemp("broker"), {}) as running:
        yield running


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    programs = find_postgres(Settings.from_environ(os.environ))
    with Postgres(programs, tmp_path_factory.mktemp("pg"), durable=False) as server:
        yield server


@pytest.fixture(scope="module")
def host(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, broker: ShippedBroker
) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("host")
    made = Host(folder, postgres, broker)
    made.migrate()
    for name in ("jishi-ingest@1", "jishi-ingest@2", "jishi-api", "jishi-broker-sync"):
        made.start(name)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def admin(host: Host) -> Iterator[httpx.Client]:
    until(lambda: answers(f"{host.api}/readyz"), 60)
    key = re.findall(JISHI_KEY, host.jishi("keys", "create", "--scope", "admin"))[0]
    with httpx.Client(
        base_url=host.api, headers={"Authorization": f"Bearer {key}"}, timeout=60
    ) as client:
        yield client


def test_the_commands_make_a_service(
    host: Host, broker: ShippedBroker, admin: httpx.Client
) -> None:
    """Roles, two workers, accounts handed on: a heartbeat by TLS is receipted and shown."""
    for path, body in (
        ("institutions/institute-1", {"name": "Institute One"}),
        ("gateways/gw-1", {"institution_id": "institute-1"}),
        (
            "instruments/sem-1",
            {"name": "SEM", "institution_id": "institute-1", "gateway_id": "gw-1"},
        ),
    ):
        assert admin.put(f"/v1/{path}", json=body).status_code == 201
    account = admin.post("/v1/gateways/gw-1/credentials").json()
    # Each gateway is one worker's; both are well.
    for worker in ("1", "2"):
        until(lambda worker=worker: answers(f"{host.page(worker)}/readyz"), 60)
    # Nobody hears what is published before.
    until(lambda: host.listens("gw-1"), 20)
    gateway = Gateway(broker, account["username"], account["password"])
    gateway.publish()
    until(lambda: any('"stored":1' in text.replace(" ", "") for text in gateway.receipts), 20)
    until(lambda: admin.get("/v1/instruments/sem-1/status").json()["activity"] == "running", 10)
    gateway.close()
    assert answers(f"{host.page('sync')}/metrics")
    for password in (
        *(path.read_text().strip() for path in (host.etc / "roles").iterdir()),
        SECRET,
    ):
        assert password not in host.said()


def test_webhooks_are_sealed_by_one_key(host: Host, admin: httpx.Client) -> None:
    """The API takes one, and workers have what opens it."""
    hook = {"url": "https://pager.example.org/", "secret": f"whsec_{'A' * 43}="}
    assert admin.put("/v1/webhooks/pager", json=hook).status_code == 201
    keys = {
        Unit(f"{name}.service").environment(host.etc)["JISHI_WEBHOOK_KEYS"]
        for name in ("jishi-api", "jishi-ingest@1", "jishi-ingest@2")
    }
    assert len(keys) == 1
    assert not any(key in host.said() for key in keys)


def test_calendars_are_read_where_they_are_named(host: Host, admin: httpx.Client) -> None:
    """This one it may not read, which it says: so it looked, and as somebody who may write that."""
    feed = {"url": "http://127.0.0.1:9/calendar.ics", "every_s": 60}
    assert admin.put("/v1/booking-feeds/rooms", json=feed).status_code == 201
    host.start("jishi-booking-feeds")
    until(lambda: admin.get("/v1/booking-feeds/rooms").json()["failure"], 30)
    assert "private network" in admin.get("/v1/booking-feeds/rooms").json()["failure"]


def test_closed_periods_are_brought_to_others(host: Host, admin: httpx.Client) -> None:
    """To nobody yet: but it looked, as somebody who may."""
    sent = {"kind": "https", "url": "https://r.example.org/", "secret": f"whsec_{'A' * 43}="}
    assert admin.put("/v1/deliveries/ministry", json=sent).status_code == 201
    host.start("jishi-reports-deliver")
    with psycopg.connect(host.owner_url, autocommit=True) as connection:
        looked = "SELECT FROM delivery WHERE looked_at IS NOT NULL"
        until(lambda: connection.execute(looked).fetchall(), 30)
    assert admin.get("/v1/deliveries/ministry").json()["state"] == "works"


def test_a_follower_beside_the_city_takes_what_it_publishes(
    host: Host, postgres: Postgres, admin: httpx.Client
) -> None:
    """As docs/federation.md says it: keys, file, a database of its own, and the units."""
    cities = host.etc / "cities"
    cities.mkdir()
    key, public = cities / "shanghai.key", cities / "shanghai.pem"
    public.write_text(host.jishi("reports", "key", str(host.folder / "jishi_signing_key")))
    host.jishi("keys", "create", "--scope", "federation", "--name", "f", "--to", str(key))
    text = (SHIPPED.parents[1] / "docs/federation.md").read_text("utf-8")
    (file,) = re.findall(r"```toml\n# /etc/jishi/federation.toml\n(.*?)```", text, re.S)
    file = file.replace("https://jishi.shanghai.example", host.api)
    (host.etc / "federation.toml").write_text(file, "utf-8")
    postgres.create_database("jishi_follower")
    host.migrate("jishi-follower-migrate")
    host.start("jishi-federation-publish")
    # The city is on this machine, which the units leave out.
    host.start("jishi-follower", JISHI_FEDERATION_ALLOW_PRIVATE="true")
    host.start("jishi-follower-api")
    until(lambda: answers(f"{host.page('follower-api')}/readyz"), 60)
    reading = host.jishi("keys", "create", "--scope", "read", owner="jishi-follower-migrate")
    words = {"Authorization": f"Bearer {re.findall(JISHI_KEY, reading)[0]}"}
    follower = httpx.Client(base_url=host.page("follower-api"), headers=words, timeout=60)

    def cities_told() -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = follower.get("/v1/federation/cities").json()["items"]
        return told

    with follower:
        until(lambda: [one["as_of"] for one in cities_told()] not in ([], [None]), 90)
        (city,) = cities_told()
        assert (city["city"], city["away"], city["failure"]) == ("shanghai", False, None)
        assert follower.get("/readyz").json() == {"status": "ready", "away": []}
        counts = follower.get("/v1/status/summary").json()["overall"]["instruments"]
        assert counts == admin.get("/v1/status/summary").json()["overall"]["instruments"]
    assert "jishi_federation_taken_total" in httpx.get(f"{host.page('follower')}/metrics").text
    with psycopg.connect(postgres.url_of("jishi_follower")) as connection:
        roles = connection.execute(
            "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'jishi_follower'"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        ).fetchall()
    assert {str(row[0]) for row in roles} == {"jishi_api", "jishi_write"}


def test_who_came_as_what(host: Host) -> None:
    with psycopg.connect(host.owner_url) as connection:
        rows = connection.execute(
            "SELECT DISTINCT usename FROM pg_stat_activity"
            " WHERE datname = 'jishi' AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        ).fetchall()
    assert {str(row[0]) for row in rows} == {"jishi_write", "jishi_api", "jishi_broker"}


@pytest.mark.parametrize(
    ("service", "shipped", "port"), [("ingest-1", "9464", "1"), ("api", "8080", "api")]
)
def test_health_checks_of_containers_tell_ready_from_gone(
    host: Host, service: str, shipped: str, port: str
) -> None:
    """The words of compose.yaml, asked of the parts that run here."""
    text = (SHIPPED.parent / "compose.yaml").read_text("utf-8")
    kind, program, *words = yaml.safe_load(text)["services"][service]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "python")
    for there, status in ((host.ports[port], 0), (free_port(), 1)):
        command = [sys.executable, *(word.replace(f":{shipped}/", f":{there}/") for word in words)]
        done = subprocess.run(command, capture_output=True, check=False)
        assert done.returncode == status


class Gateway:
    """A gateway that comes by TLS, with its account."""

    def __init__(self, broker: ShippedBroker, user: str, password: str) -> None:
        self.receipts: list[str] = []
        self.user = user
        self._said: list[bool] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=user)
        self._client.username_pw_set(user, password)
        self._client.tls_set(str(broker.certs / "ca.pem"))
        self._client.reconnect_delay_set(1, 1)
        # The account has to reach the broker first: refused until then, it tries again.
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self._said.append(True)
        self._client.on_message = lambda _, __, message: self.receipts.append(
            bytes(message.payload).decode()
        )
        self._client.connect("localhost", broker.tls_port)
        self._client.loop_start()
        until(lambda: bool(self._said), 20)

    def _connected(self, client: mqtt.Client, *told: Any) -> None:
        if not told[2].is_failure:
            client.subscribe(f"instruments/v1/{self.user}/receipt", 1)

    def publish(self) -> None:
        beat = {"instrument_id": "sem-1", "ts": datetime.now(UTC).isoformat(), "state": "running"}
        batch = json.dumps({"batch_id": "b-1", "heartbeats": [beat]})
        self._client.publish(f"instruments/v1/{self.user}/heartbeat", batch, 1)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
