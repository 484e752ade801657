"""Broker, database and ingest workers as processes, with proxies between them.

The parts are in ``worker.py``, ``proxy.py``, ``gateways.py`` and ``checker.py``; here they are
put together. Everything that a test does by chance comes from its seed.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlsplit

import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from stack.mosquitto import Mosquitto
from stack.postgres import Postgres
from store.registry.keys import create_key
from store.run import run
from tests.faults.asker import Asker
from tests.faults.checker import HOLD_S, Found, check
from tests.faults.gateways import Gateways, Log
from tests.faults.proxy import Proxy
from tests.faults.worker import Worker, eventually
from tests.looking import Looking
from tests.migrated import migrated

DAY_US = 86_400_000_000


class Rig:
    """One database, one broker, any number of ingest workers and gateways."""

    def __init__(
        self,
        postgres: Postgres,
        broker: Mosquitto,
        folder: Path,
        *,
        gateways: int = 4,
        instruments: int = 10,
    ) -> None:
        """Makes the database and registers the fleet; starts no worker.

        Args:
            postgres: Running.
            broker: Running, with its publisher account.
            folder: For logs.
            gateways: How many, ``g0`` and up.
            instruments: How many each, ``g0-i0`` and up, with a hold of 180 s.
        """
        self.postgres = postgres
        self.broker = broker
        self.folder = folder
        self.url = migrated(postgres)
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        assert parts.port is not None
        self.database_proxy = Proxy(parts.hostname, parts.port)
        self.broker_proxy = Proxy(broker.host, broker.port)
        self.fleet = {f"g{g}": [f"g{g}-i{i}" for i in range(instruments)] for g in range(gateways)}
        self.workers: list[Worker] = []
        self._apis: list[Worker] = []
        self._generators: list[Gateways] = []
        self._publisher: mqtt.Client | None = None
        self._looking = Looking(self.url)
        #: What came back to ``publish``.
        self.receipts: list[dict[str, Any]] = []
        register(self.url, self.fleet)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        for generator in self._generators:
            generator.abandon()
        if self._publisher is not None:
            self._publisher.disconnect()
            self._publisher.loop_stop()
        for worker in [*self.workers, *self._apis]:
            worker.kill()
        self._looking.close()
        self.database_proxy.close()
        self.broker_proxy.close()
        if self.postgres.running():
            self.postgres.drop_database(urlsplit(self.url).path[1:])

    # -- parts ----------------------------------------------------------------------------------

    def worker(
        self,
        number: int = 0,
        *,
        start: bool = True,
        command: Sequence[str] = ("-m", "ingest"),
        environment: Mapping[str, str] | None = None,
        **settings: object,
    ) -> Worker:
        """An ingest worker behind both proxies, with times short enough for a test."""
        account = self.broker.ingest_account(number)
        parts = urlsplit(self.url)
        through = parts._replace(
            netloc=f"{parts.username}:{parts.password}@127.0.0.1:{self.database_proxy.port}"
        )
        worker = Worker(
            f"ingest-{number + 1}",
            {
                "database_url": through.geturl(),
                "mqtt_url": f"mqtt://{quote(account.username)}:{quote(account.password)}"
                f"@127.0.0.1:{self.broker_proxy.port}",
                "mqtt_client_id": account.client_id,
                "worker": f"ingest-{number + 1}",
                "metrics_port": 0,
                # Which reader; the promise is the same.
                "mqtt_reader": os.environ.get("JISHI_MQTT_READER", "fast"),
                **settings,
            },
            self.folder / f"ingest-{number + 1}.log",
            command=command,
            environment=environment,
        )
        self.workers.append(worker)
        if start:
            worker.start()
        return worker

    def asker(self, *addresses: str) -> Asker:
        """An API process, and somebody who asks it from now on."""
        api = Worker(
            "api",
            {"database_url": self.url, "api_port": 0},
            self.folder / "api.log",
            command=("-m", "api"),
        )
        self._apis.append(api)
        api.start()
        with psycopg.connect(self.url) as connection:
            made = run(connection, create_key(scopes=["read"], name="asker"))
        asker = Asker(api.announced["api_url"], made.key, addresses)
        asker.start()
        return asker

    def gateways(
        self, seed: int, *, receipts: bool, only: Sequence[str] | None = None, **more: Any
    ) -> Gateways:
        """Gateways that publish from now on."""
        account = self.broker.publisher
        assert account is not None
        more.setdefault("start_us", recently(2 * DAY_US))
        generator = Gateways(
            host=self.broker.host,
            port=self.broker.port,
            username=account.username,
            password=account.password,
            fleet={g: self.fleet[g] for g in (only or self.fleet)},
            seed=seed,
            receipts=receipts,
            **more,
        )
        self._generators.append(generator)
        generator.start()
        return generator

    def publish(
        self,
        messages: Sequence[tuple[str, bytes]],
        *,
        retain: bool = False,
        below: str = "heartbeat",
    ) -> None:
        """Publishes (gateway, payload) as they are; all acknowledged on return."""
        if self._publisher is None:
            account = self.broker.publisher
            assert account is not None
            self._publisher = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
            self._publisher.username_pw_set(account.username, account.password)
            self._publisher.max_inflight_messages_set(1_000)
            self._publisher.on_message = lambda _c, _u, m: self.receipts.append(
                json.loads(m.payload)
            )
            self._publisher.connect(self.broker.host, self.broker.port)
            self._publisher.loop_start()
            self._publisher.subscribe("instruments/v1/+/receipt", 1)
        infos = [
            self._publisher.publish(f"instruments/v1/{gateway}/{below}", payload, 1, retain)
            for gateway, payload in messages
        ]
        for info in infos:
            info.wait_for_publish(20)

    @contextlib.contextmanager
    def locked(self, table: str = "heartbeat") -> Iterator[None]:
        """Nothing can be written to a table meanwhile."""
        with psycopg.connect(self.url) as connection:
            connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield
            connection.rollback()

    def wait_in_flight(self, worker: Worker, least: int = 1, within: float = 10.0) -> None:
        """Waits until a worker holds messages that it has not acknowledged."""
        eventually(lambda: worker.metric("ingest_in_flight") >= least, within, f"{least} in flight")

    # -- looking ---------------------------------------------------------------------------------

    def ask(self, query: str, *values: object) -> Any:
        """The first value of the first row."""
        rows = self._looking.rows(query, *values)
        return rows[0][0] if rows else None

    @property
    def stored(self) -> int:
        return int(self.ask("SELECT count(*) FROM heartbeat"))

    def wait_stored(self, least: int, within: float = 20.0) -> None:
        """Waits until so many heartbeats are in the database."""
        eventually(
            lambda: self.stored >= least,
            within,
            f"{least} heartbeats stored",
            more=lambda: f"{self.stored} are; {self.workers[0].tail() if self.workers else ''}",
        )

    def wait_quiet(self, within: float = 80.0) -> None:
        """Waits until nothing more is in flight for a while: all that will come has come."""
        last, since = -1, time.monotonic()
        until = time.monotonic() + within
        while time.monotonic() < until:
            now = int(
                self.ask(
                    "SELECT (SELECT count(*) FROM heartbeat)"
                    " + (SELECT coalesce(sum(occurrences), 0) FROM dead_letter)"
                )
            )
            if now != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since > 1.0 and all(
                w.metric("ingest_in_flight") == 0 for w in self.workers if w.running
            ):
                return
            time.sleep(0.1)
        raise AssertionError(f"still not quiet after {within:g} s")

    def check(self, *logs: Log, plain: Sequence[Log] = ()) -> Found:
        """Runs the checker; prints and returns what it counted.

        Args:
            logs: Of gateways that may lose nothing.
            plain: Of gateways without receipts, where the fault may cost them something.
        """
        found = check(self.url, logs, plain)
        print(found)
        return found


def recently(ago_us: int) -> int:
    """A device's time so long ago, on a whole second."""
    return (time.time_ns() // 1_000 - ago_us) // 1_000_000 * 1_000_000


def register(url: str, fleet: Mapping[str, Sequence[str]]) -> None:
    """Registers gateways and instruments, one institution for all."""
    always = "'2020-01-01', '-infinity', 'infinity'"
    ids = [(gateway, iid) for gateway, iids in fleet.items() for iid in iids]
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE registry_revision SET revision = revision + 1")
        connection.execute(
            "INSERT INTO institution (institution_id, changed_revision)"
            " SELECT 'inst', revision FROM registry_revision ON CONFLICT DO NOTHING"
        )
        connection.execute(
            "INSERT INTO institution_version (institution_key, valid_from, force_from, force_to,"
            f" name) SELECT institution_key, {always}, 'Institute' FROM institution"
            " ON CONFLICT DO NOTHING"
        )
        connection.execute(
            "INSERT INTO gateway (gateway_id, changed_revision)"
            " SELECT g, revision FROM registry_revision, unnest(%s::text[]) g",
            [list(fleet)],
        )
        connection.execute(
            "INSERT INTO gateway_version (gateway_key, valid_from, force_from, force_to,"
            f" institution_key) SELECT gateway_key, {always}, institution_key"
            " FROM gateway, institution WHERE gateway_id = ANY(%s)",
            [list(fleet)],
        )
        connection.execute(
            "INSERT INTO gateway_status (gateway_key) SELECT gateway_key FROM gateway"
            " WHERE gateway_id = ANY(%s)",
            [list(fleet)],
        )
        connection.execute(
            "INSERT INTO instrument (instrument_id, changed_revision)"
            " SELECT i, revision FROM registry_revision, unnest(%s::text[]) i",
            [[iid for _, iid in ids]],
        )
        connection.execute(
            "INSERT INTO instrument_version (instrument_key, valid_from, force_from, force_to,"
            f" name, institution_key, gateway_key, hold_us) SELECT i.instrument_key, {always},"
            " i.instrument_id, n.institution_key, g.gateway_key, %s"
            " FROM unnest(%s::text[], %s::text[]) AS p (g, i)"
            " JOIN instrument i ON i.instrument_id = p.i JOIN gateway g ON g.gateway_id = p.g,"
            " institution n",
            [HOLD_S * 1_000_000, [g for g, _ in ids], [i for _, i in ids]],
        )
        connection.execute(
            "INSERT INTO instrument_status (instrument_key) SELECT instrument_key FROM instrument"
            " WHERE instrument_id = ANY(%s)",
            [[iid for _, iid in ids]],
        )
