"""The running service as tests use it: MQTT in with receipts awaited, HTTP out, exact numbers.

Times are microseconds since 1970 UTC here too; ``at`` names them by clock time on ``DAY``, a
day in the recent past that no test relies on more than that. Every test registers instruments
of its own, so that nothing is shared but the servers.
"""

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from cli.up import Service
from tests.looking import Looking
from tests.patience import PATIENCE

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY_LENGTH = 24 * HOUR

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Midnight UTC three days ago.
DAY = (int(time.time()) // 86_400 - 3) * DAY_LENGTH


def at(clock: str, day: int = DAY) -> int:
    """The instant of a clock time such as ``10:00`` or ``10:00:30.5`` (UTC)."""
    hours, minutes, *seconds = clock.split(":")
    found = day + int(hours) * HOUR + int(minutes) * MINUTE
    return found + int(Decimal(seconds[0]) * SECOND) if seconds else found


def iso(us: int) -> str:
    return (EPOCH + timedelta(microseconds=us)).isoformat()


def micros(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def us_of(seconds: Decimal | int | None) -> int | None:
    """Exact seconds of an answer as microseconds."""
    if seconds is None:
        return None
    exact = Decimal(seconds) * SECOND
    assert exact == int(exact), f"{seconds} is finer than a microsecond"
    return int(exact)


def now_us() -> int:
    return time.time_ns() // 1000


def beat(ts: int | str, state: str = "running", **more: Any) -> dict[str, Any]:
    """A heartbeat as the oracle takes it; ``publish`` adds the instrument."""
    return {"ts": at(ts) if isinstance(ts, str) else ts, "state": state, **more}


def every_minute(start: str | int, end: str | int, state: str = "running") -> list[dict[str, Any]]:
    """One heartbeat a minute from ``start`` up to, not at, ``end``."""
    first = at(start) if isinstance(start, str) else start
    last = at(end) if isinstance(end, str) else end
    return [beat(ts, state) for ts in range(first, last, MINUTE)]


def wire(instrument: str, heartbeat: dict[str, Any]) -> dict[str, Any]:
    """A heartbeat as a gateway writes it."""
    return {"instrument_id": instrument, **heartbeat, "ts": iso(heartbeat["ts"])}


def until(question: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """The first answer that is true; fails when none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"nothing came of {question} in {seconds} s"
        time.sleep(0.02)


class Publisher:
    """One MQTT connection that publishes for any gateway."""

    def __init__(self, service: Service, will: tuple[str, dict[str, Any]] | None = None) -> None:
        self._service = service
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, reconnect_on_failure=False
        )
        account = service.stack.broker.publisher
        assert account is not None
        self._client.username_pw_set(account.username, account.password)
        if will:
            self._client.will_set(will[0], json.dumps(will[1]), qos=1, retain=True)
        self._came = threading.Condition()
        #: By batch; ``None`` has those of what could not be read.
        self.receipts: dict[str | None, list[dict[str, Any]]] = {}
        self._client.on_message = self._on_message
        ready = threading.Event()
        self._client.on_connect = lambda *_: ready.set()
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.connect(service.stack.mqtt_host, service.stack.mqtt_port)
        self._client.loop_start()
        assert ready.wait(PATIENCE), "not connected"
        if not will:
            self._client.subscribe("instruments/v1/+/receipt", qos=1)
            assert subscribed.wait(PATIENCE), "not subscribed"

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        receipt = json.loads(message.payload)
        with self._came:
            self.receipts.setdefault(receipt["batch_id"], []).append(receipt)
            self._came.notify_all()

    def send(self, topic: str, payload: bytes, *, retain: bool = False, wait: bool = True) -> None:
        sent = self._client.publish(topic, payload, qos=1, retain=retain)
        if wait:
            sent.wait_for_publish(PATIENCE)
            assert sent.is_published()

    def receipt(
        self, batch_id: str, number: int = 1, patience: float = PATIENCE
    ) -> list[dict[str, Any]]:
        """The receipts of a batch, once ``number`` are there."""
        with self._came:
            arrived = self._came.wait_for(
                lambda: len(self.receipts.get(batch_id, ())) >= number, patience
            )
            assert arrived, f"no receipt of {batch_id}; the logs end so:\n{self._logs()}"
            return self.receipts[batch_id]

    def _logs(self) -> str:
        ends = []
        for log in sorted(self._service.stack.folder.glob("ingest*.log")):
            ends += [f"-- {log.name}", *log.read_text("utf-8", "replace").splitlines()[-12:]]
        return "\n".join(ends)

    def drop(self) -> None:
        """Breaks the connection without a word, so that the broker speaks the will."""
        connection = self._client.socket()
        assert connection is not None
        connection.shutdown(2)
        self._client.loop_stop()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Live:
    """A running service and what a test asks of it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.http = httpx.Client(
            base_url=service.api_url,
            headers={"Authorization": f"Bearer {service.admin_key}"},
            timeout=60,
        )
        self.publisher = Publisher(service)
        self._looking = Looking(service.database_url)
        self.gateway_of: dict[str, str] = {}
        self._witness: str | None = None
        self._count = itertools.count(1)
        self.put("institutions/home", {"name": "Home"})

    def close(self) -> None:
        self._looking.close()
        self.publisher.close()
        self.http.close()

    # -- HTTP ------------------------------------------------------------------------------

    def put(self, path: str, body: dict[str, Any]) -> Any:
        return self.ask("PUT", path, json=body)

    def patch(self, path: str, **body: Any) -> Any:
        return self.ask("PATCH", path, json=body)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self.ask("POST", path, json=body)

    def get(self, path: str, **params: Any) -> Any:
        named = {name.rstrip("_"): value for name, value in params.items() if value is not None}
        return self.ask("GET", path, params=named)

    def ask(self, method: str, path: str, **how: Any) -> Any:
        answer = self.http.request(method, f"/v1/{path}", **how)
        assert answer.is_success, (
            f"{method} {answer.url}: {answer.status_code} {answer.text}\n{self._said_by_the_api()}"
        )
        return json.loads(answer.text, parse_float=Decimal) if answer.content else None

    def _said_by_the_api(self) -> str:
        log = self.service.stack.folder / "api.log"
        return "\n".join(log.read_text("utf-8", "replace").splitlines()[-30:])

    def page_through(self, path: str, **params: Any) -> list[Any]:
        items, cursor = [], None
        while True:
            page = self.get(path, cursor=cursor, **params)
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items

    def utilization(
        self, instrument: str, start: int | str, end: int | str, **params: Any
    ) -> dict[str, Any]:
        start = at(start) if isinstance(start, str) else start
        end = at(end) if isinstance(end, str) else end
        found: dict[str, Any] = self.get(
            f"instruments/{instrument}/utilization", from_=iso(start), to=iso(end), **params
        )
        return found

    def total(self, instrument: str, start: int | str, end: int | str, **more: Any) -> Any:
        return self.utilization(instrument, start, end, **more)["total"]

    def spent(self, instrument: str, start: int | str, end: int | str) -> dict[str, int | Decimal]:
        """Seconds by state, without those that are 0; they sum up to the window."""
        total = self.total(instrument, start, end)
        found = {name: total[f"{name}_s"] for name in ("running", "idle", "off", "unknown")}
        assert sum(found.values()) == total["window_s"]
        assert sum(total["unknown_by_cause"].values()) == total["unknown_s"]
        return {name: value for name, value in found.items() if value}

    def causes(self, instrument: str, start: int | str, end: int | str) -> dict[str, Any]:
        """Unknown seconds by cause, without those that are 0."""
        total = self.total(instrument, start, end)
        return {name: value for name, value in total["unknown_by_cause"].items() if value}

    def status(self, instrument: str) -> Any:
        return self.get(f"instruments/{instrument}/status")

    def alive(self, instrument: str) -> Any:
        """The live status, without what every answer and every receipt moves."""
        status = self.status(instrument)
        moved = ("as_of", "last_received_at", "clock_skew_s")
        return {name: value for name, value in status.items() if name not in moved}

    def timeline(self, instrument: str, start: int | str, end: int | str) -> list[Any]:
        start = at(start) if isinstance(start, str) else start
        end = at(end) if isinstance(end, str) else end
        return self.page_through(
            f"instruments/{instrument}/timeline", from_=iso(start), to=iso(end), limit=10_000
        )

    def sessions(self, instrument: str, start: int | str, end: int | str) -> list[Any]:
        start = at(start) if isinstance(start, str) else start
        end = at(end) if isinstance(end, str) else end
        return self.page_through(
            f"instruments/{instrument}/sessions", from_=iso(start), to=iso(end), limit=10_000
        )

    def letters(self, **filters: Any) -> list[Any]:
        return self.page_through("dead-letters", limit=100, **filters)

    # -- registry --------------------------------------------------------------------------

    def name(self, stem: str) -> str:
        return f"{stem}{next(self._count)}"

    def gateway(self, **fields: Any) -> str:
        name = self.name("gw")
        self.put(f"gateways/{name}", {"institution_id": "home", **fields})
        return name

    def instrument(self, *, gateway: str | None = None, **fields: Any) -> str:
        """A new instrument, behind a gateway of its own where none is named."""
        name = self.name("scope-")
        gateway = gateway or self.gateway()
        body = {"name": name, "institution_id": "home", "gateway_id": gateway, **fields}
        self.put(f"instruments/{name}", body)
        self.gateway_of[name] = gateway
        return name

    # -- MQTT ------------------------------------------------------------------------------

    def publish(
        self, instrument: str, *heartbeats: dict[str, Any], gateway: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """Publishes one envelope and waits for its receipt."""
        return self.publish_many([(instrument, h) for h in heartbeats], gateway=gateway, **more)

    def publish_many(
        self,
        heartbeats: Sequence[tuple[str, dict[str, Any]]],
        *,
        gateway: str | None = None,
        retain: bool = False,
        **envelope: Any,
    ) -> dict[str, Any]:
        """One envelope of several instruments behind one gateway; its receipt."""
        batch_id = self.start_publishing(heartbeats, gateway=gateway, retain=retain, **envelope)
        return self.publisher.receipt(batch_id)[0]

    def start_publishing(
        self,
        heartbeats: Sequence[tuple[str, dict[str, Any]]],
        *,
        gateway: str | None = None,
        retain: bool = False,
        **envelope: Any,
    ) -> str:
        """The same without waiting; the batch's id."""
        gateway = gateway or self.gateway_of[heartbeats[0][0]]
        batch_id = self.name("batch")
        body = {
            "batch_id": batch_id,
            **envelope,
            "heartbeats": [wire(name, heartbeat) for name, heartbeat in heartbeats],
        }
        topic = f"instruments/v1/{gateway}/heartbeat"
        self.publisher.send(topic, json.dumps(body).encode(), retain=retain, wait=False)
        return batch_id

    def publish_raw(self, gateway: str, payload: bytes, *, retain: bool = False) -> None:
        """Whatever bytes on a gateway's heartbeat topic; returns once they are dealt with."""
        self.publisher.send(f"instruments/v1/{gateway}/heartbeat", payload, retain=retain)
        self.settle(gateway)

    def say(self, gateway: str, *, retain: bool = False, **status: Any) -> None:
        """A gateway's word about itself; returns once it is dealt with."""
        topic = f"instruments/v1/{gateway}/status"
        self.publisher.send(topic, json.dumps(status).encode(), retain=retain)
        self.settle(gateway)

    def settle(self, gateway: str, patience: float = PATIENCE) -> None:
        """Returns once everything that was published before is committed."""
        batch_id = self.name("settle")
        topic = f"instruments/v1/{gateway}/heartbeat"
        body = json.dumps({"batch_id": batch_id, "heartbeats": []}).encode()
        self.publisher.send(topic, body, wait=False)
        self.publisher.receipt(batch_id, len(self.service.ingests), patience)

    @contextmanager
    def connection(self, will: tuple[str, dict[str, Any]]) -> Iterator[Publisher]:
        """A gateway's own connection, with a will."""
        publisher = Publisher(self.service, will)
        try:
            yield publisher
        finally:
            publisher.close()

    # -- behind the scenes -------------------------------------------------------------------

    def metric(self, name: str, **labels: str) -> float:
        """A sample of ingest's metrics; 0 where there is none yet."""
        wanted = "".join(f'{key}="{value}"' for key, value in labels.items())
        text = httpx.get(self.service.metrics_url, timeout=60, verify=False).text
        for line in text.splitlines():
            if line.startswith(f"{name}{{{wanted}}} " if wanted else f"{name} "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def database(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            self.service.database_url, autocommit=True, options="-c TimeZone=UTC"
        )

    def rows(self, statement: str, *values: Any) -> list[Any]:
        return self._looking.rows(statement, *values)

    def wait_for_rebuilds(self) -> None:
        until(lambda: self.rows("SELECT count(*) FROM rebuild_todo") == [(0,)])

    def wait_for_rollups(self, instrument: str) -> None:
        """Until every day of an instrument that is over is rolled up.

        A day is over when the clock and the newest heartbeat of all say so.
        """
        if self._witness is None:
            self._witness = self.instrument()
            self.publish(self._witness, beat(now_us()))
        # The last of them is queued once ingest has seen the clock and the witness.
        rolled = (
            "WITH today AS (SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date AS day)"
            " SELECT (SELECT value::date >= today.day - 2 FROM service_setting"
            " WHERE name = 'rolled_through')"
            " AND NOT EXISTS (SELECT FROM rollup_todo t JOIN instrument USING (instrument_key)"
            " WHERE instrument_id = %s AND t.day < today.day - 1) FROM today"
        )
        until(lambda: self.rows(rolled, instrument) == [(True,)])
