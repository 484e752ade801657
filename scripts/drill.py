"""The drill: a service as ``docs/deploy.md`` sets it up, used, backed up, restored, compared.

Run by ``scripts/drill`` as an account without rights. PostgreSQL and Mosquitto are Debian's own
programs from the cache; systemd's part, starting what its units say, is done by hand.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from stack import Postgres, Settings
from stack.fetch import find_postgres
from tests.integration.deploy.host import Host, answers
from tests.integration.deploy.shipped_broker import ShippedBroker, free_ports, shipped_broker
from tests.unpacked import Unavailable, find

ROOT = Path(__file__).resolve().parents[1]
MINUTES = 40  # of running that the gateway tells of
PATIENCE = 120.0  # seconds for anything to come true
BEGAN = time.monotonic()


def step(text: str) -> None:
    """A line of progress."""
    print(f"[{time.monotonic() - BEGAN:6.1f} s] {text}", flush=True)


def wait(what: str, holds: Callable[[], bool]) -> None:
    """Until something is so."""
    until = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > until:
            raise SystemExit(f"drill FAILED: {what} did not come true within {PATIENCE:.0f} s")
        time.sleep(0.2)


@contextmanager
def database(folder: Path) -> Iterator[Postgres]:
    """A cluster with the shipped settings; the extension is made with it."""
    with Postgres(find_postgres(Settings.from_environ(os.environ)), folder) as server:
        yield server


def register(client: httpx.Client) -> dict[str, str]:
    """An institution, gateways so that each worker has some, an instrument; one's account."""
    gateways = [f"gateways/gw-{number}" for number in range(1, 9)]
    for path, body in (
        ("institutions/institute-1", {"name": "Institute One"}),
        *((path, {"institution_id": "institute-1"}) for path in gateways),
        (
            "instruments/sem-1",
            {
                "name": "Scanning electron microscope",
                "interval_s": 60,
                "institution_id": "institute-1",
                "gateway_id": "gw-1",
            },
        ),
    ):
        client.put(f"/v1/{path}", json=body).raise_for_status()
    answer = client.post("/v1/gateways/gw-1/credentials").raise_for_status()
    found: dict[str, str] = answer.json()
    return found


def publish(broker: ShippedBroker, account: dict[str, str], begin: datetime) -> None:
    """An hour's beginning of heartbeats by mosquitto_pub, over TLS, as the gateway's account."""
    client = find(["mosquitto_pub"], package="mosquitto-clients", program="usr/bin/mosquitto_pub")
    beats = [
        {
            "instrument_id": "sem-1",
            "ts": (begin + timedelta(minutes=minute)).isoformat(),
            "state": "running" if minute % 10 else "idle",
            "seq": minute,
            "power_w": 1350,
        }
        for minute in range(MINUTES)
    ]
    command = [
        *(client.program, "-h", "localhost", "-p", str(broker.tls_port), "-q", "1"),
        *("--cafile", broker.certs / "ca.pem", "-i", account["username"]),
        *("-u", account["username"], "-P", account["password"]),
        *("-t", "instruments/v1/gw-1/heartbeat", "-s"),
    ]
    batch = json.dumps({"batch_id": "b-1", "heartbeats": beats})
    environment = {**os.environ, **client.environment}

    def sent() -> bool:
        done = subprocess.run(
            command, input=batch, text=True, env=environment, capture_output=True, check=False
        )
        return done.returncode == 0

    # The account reaches the broker within seconds.
    wait("mosquitto_pub over TLS", sent)


@contextmanager
def prometheus(host: Host, key: str, folder: Path) -> Iterator[str]:
    """Debian's Prometheus with the shipped configuration; its address."""
    program = find(["prometheus"], package="prometheus", program="usr/bin/prometheus")
    shutil.copytree(ROOT / "deploy/prometheus", folder)
    (folder / "key").write_text(key)
    (port,) = free_ports(1)
    text = (folder / "prometheus.yml").read_text("utf-8")
    text = text.replace("/run/secrets/prometheus_key", str(folder / "key"))
    (folder / "prometheus.yml").write_text(text.replace("localhost:9090", f"localhost:{port}"))
    for name, ports in {"ingest": ("1", "2"), "api": ("api",), "broker-sync": ("sync",)}.items():
        targets = json.dumps([f"127.0.0.1:{host.ports[one]}" for one in ports])
        (folder / f"targets/{name}.yml").write_text(f"- targets: {targets}\n")
    (folder / "targets/node.yml").write_text("[]\n")
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            [
                program.program,
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            env={**os.environ, **program.environment},
            stdout=log,
            stderr=log,
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(20)


def scraped(address: str) -> dict[str, int]:
    """How many targets of each job are up."""
    try:
        answer = httpx.get(f"{address}/api/v1/query", params={"query": "sum by (job) (up)"})
        found = answer.json()["data"]["result"]
    except (httpx.HTTPError, KeyError, ValueError):
        return {}
    return {one["metric"]["job"]: int(one["value"][1]) for one in found}


def figures(client: httpx.Client, begin: datetime) -> dict[str, Any]:
    """What is asked of both: a figure, its segments, the raw rows; when it was asked left out."""
    window = {"from": begin.isoformat(), "to": (begin + timedelta(hours=1)).isoformat()}
    found: dict[str, Any] = {}
    for path in (
        "instruments/sem-1/utilization",
        "instruments/sem-1/timeline",
        "instruments/sem-1/heartbeats",
        "utilization",
        "institutions",
    ):
        parameters = window if path != "institutions" else {}
        answer = client.get(f"/v1/{path}", params=parameters).raise_for_status()
        found[path] = _without_now(answer.json())
    return found


def _without_now(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_now(one) for key, one in value.items() if key != "as_of"}
    return [_without_now(one) for one in value] if isinstance(value, list) else value


def asked(host: Host, key: str) -> httpx.Client:
    """A client of its API."""
    return httpx.Client(
        base_url=host.api, headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE
    )


def drill(folder: Path) -> None:
    """All of it, in the documents' order."""
    with ExitStack() as stack:
        postgres = stack.enter_context(database(folder / "postgres"))
        step("database: PostgreSQL with TimescaleDB, made and told what it needs")
        (folder / "mosquitto").mkdir()
        broker = stack.enter_context(shipped_broker(folder / "mosquitto", {}))
        step("broker: certificates, accounts and TLS listeners by deploy/mosquitto")
        (folder / "host").mkdir()
        host = Host(folder / "host", postgres, broker)
        host.migrate()
        step("jishi-migrate: schema and roles")
        stack.callback(host.stop)
        for name in ("jishi-ingest@1", "jishi-ingest@2", "jishi-api", "jishi-broker-sync"):
            host.start(name)
        wait("the API's /readyz", lambda: answers(f"{host.api}/readyz"))
        for page in (host.page("1"), host.page("2")):
            wait(f"/readyz of the worker at {page}", partial(answers, f"{page}/readyz"))
        step("two workers, API and broker-sync are ready")

        key = re.findall(r"jishi_\S+", host.jishi("keys", "create", "--scope", "admin"))[0]
        client = stack.enter_context(asked(host, key))
        account = register(client)
        begin = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=2)
        wait("a worker that listens for gw-1", lambda: host.listens("gw-1"))
        publish(broker, account, begin)
        wait(
            "the last heartbeat over HTTP",
            lambda: len(figures(client, begin)["instruments/sem-1/heartbeats"]["items"]) == MINUTES,
        )
        step(f"gateway gw-1: {MINUTES} heartbeats by mosquitto_pub over TLS, all shown")

        address = stack.enter_context(prometheus(host, key, folder / "prometheus"))
        wanted = {"jishi-ingest": 2, "jishi-api": 1, "jishi-broker-sync": 1, "prometheus": 1}
        wait("Prometheus scraping all", lambda: scraped(address) == wanted)
        step("Prometheus: both workers, API and broker-sync are scraped")

        host.jishi("doctor", "--ingest-url", host.page("1"), "--ingest-url", host.page("2"))
        step("jishi doctor: all is well")
        before = figures(client, begin)
        host.jishi("backup", str(folder / "backup"))
        step("jishi backup")

        other = stack.enter_context(database(folder / "other"))
        (folder / "copy").mkdir()
        copy = Host(folder / "copy", other, broker)
        copy.jishi("restore", str(folder / "backup"))
        copy.migrate()
        step("jishi restore into an empty cluster, roles anew")
        stack.callback(copy.stop)
        copy.start("jishi-api")
        wait("the copy's /readyz", lambda: answers(f"{copy.api}/readyz"))
        with asked(copy, key) as restored:
            after = figures(restored, begin)
        if after != before:
            raise SystemExit(f"drill FAILED: the copy answers otherwise\n{before}\n{after}")
        total = after["instruments/sem-1/utilization"]["total"]
        step(f"the copy answers the same: running {total['running_s']} s, idle {total['idle_s']} s")


def main() -> int:
    """Runs it; 0 where all of it came true."""
    folder = Path.home() / "drill"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    step(f"as {os.environ.get('USER') or os.getuid()}, in {folder}")
    try:
        drill(folder)
    except (Unavailable, AssertionError, httpx.HTTPError) as error:
        print(f"drill FAILED: {error}", file=sys.stderr)
        return 1
    step("drill passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
