"""Webhooks in a real database and against real receivers: told once, signed, again, or given up."""

import base64
import hashlib
import hmac
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import pytest
from cryptography.fernet import Fernet

from ingest.alerting.alerts import Alerts
from ingest.db.connection import connect
from ingest.settings import IngestSettings
from ingest.upkeep.posting import ForbiddenError, post
from ingest.upkeep.webhooks import Webhooks
from migrations.runner import migrate
from models.webhook import PAUSES, networks
from stack import Postgres, Settings
from stack.fetch import find_postgres
from store.run import run
from store.sealing import Sealer
from store.webhooks import deliveries_of, find_webhook, put_webhook
from tests.faults.rig import register
from tests.live import now_us

KEY = Fernet.generate_key().decode()
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
KINDS = ["institution_silent", "gateway_silent", "instrument_silent"]


class Receiver(ThreadingHTTPServer):
    """Notes what is posted to it and answers as it is told."""

    def __init__(self) -> None:
        self.came: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/in?from=jishi"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.came.append(({k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    programs = find_postgres(Settings.from_environ(os.environ))
    with Postgres(programs, tmp_path_factory.mktemp("webhooks"), durable=False) as server:
        yield server


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.shutdown()
    receiver.server_close()


@pytest.fixture
def plain(server: Postgres) -> Iterator[psycopg.Connection]:
    url = server.create_database()
    migrate(url)
    register(url, {"g0": ["g0-a"], "g1": ["g1-a"]})
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO collector_listening (worker, starts_at, ends_at)"
            " VALUES ('w', now() - interval '1 day', now() + interval '1 day')"
        )
        connection.execute("UPDATE instrument_status SET live_until = now() + interval '1 hour'")
        yield connection


def sends(**changes: object) -> Webhooks:
    return Webhooks(settings(**changes), "", "webhooks")


def settings(**changes: object) -> IngestSettings:
    return IngestSettings.model_validate(
        {
            "database_url": "postgresql://",
            "mqtt_url": "mqtt://",
            "alert_every": "0s",
            "alert_steady": "0s",
            "webhook_keys": KEY,
            "webhook_networks": "127.0.0.0/8",
            **changes,
        }
    )


def hook(plain: psycopg.Connection, name: str, url: str, **changes: object) -> None:
    values = {"kinds": KINDS, "institution_id": None, **changes}
    sealed = Sealer(KEY).seal(SECRET)
    with plain.transaction():
        run(plain, put_webhook(name, url=url, sealed=sealed, actor="t", tenant=None, **values))  # type: ignore[arg-type]


def silence(plain: psycopg.Connection, *, over: bool = False, **changes: object) -> None:
    """Lets a gateway fall silent, or be heard again, and housekeeping look."""
    live = "now() + interval '1 hour'" if over else "now() - interval '11 minutes'"
    plain.execute(
        f"UPDATE instrument_status s SET live_until = {live} FROM instrument i"
        " WHERE i.instrument_key = s.instrument_key AND i.instrument_id = 'g0-a'"
    )
    step = Alerts(settings(**changes))
    with connect(plain.info.dsn + f" password={plain.info.password}", "alerts") as writing:
        for _ in range(3):
            step.look(writing, at_once=True)


def due_now(plain: psycopg.Connection) -> None:
    plain.execute("UPDATE webhook_delivery SET due_at = now() WHERE due_at IS NOT NULL")


def test_told_when_it_begins_and_ends_and_signed(
    plain: psycopg.Connection, receiver: Receiver
) -> None:
    hook(plain, "city", receiver.url)
    sender = sends()
    began = int(time.time())
    assert sender.send(plain) == 0
    silence(plain)
    assert sender.send(plain) == 1
    silence(plain, over=True)
    assert sender.send(plain) == 1
    assert sender.send(plain) == 0
    assert len({headers["webhook-id"] for headers, _ in receiver.came}) == 2
    for headers, body in receiver.came:
        content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.new(bytes(range(32)), content, hashlib.sha256).digest()
        assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
        assert began <= int(headers["webhook-timestamp"]) <= time.time()
    opened, closed = (json.loads(body) for _, body in receiver.came)
    assert (opened["type"], closed["type"]) == ("alert.opened", "alert.closed")
    assert opened["data"]["kind"] == "gateway_silent"
    assert opened["data"]["subject_id"] == "g0"
    assert opened["data"]["closed_at"] is None
    assert opened["data"]["detail"] == {}
    assert closed["data"]["closed_at"] == closed["timestamp"]
    assert opened["data"]["alert_id"] == closed["data"]["alert_id"]
    (row,) = plain.execute("SELECT w::text FROM webhook w").fetchall()
    assert SECRET not in row[0]
    assert SECRET.removeprefix("whsec_").encode().hex() not in row[0]


def test_tried_again_with_growing_pauses_and_given_up(
    plain: psycopg.Connection, receiver: Receiver
) -> None:
    hook(plain, "city", receiver.url)
    silence(plain)
    sender = sends()
    receiver.status = 500
    for tries, pause in enumerate(PAUSES, 1):
        began = now_us()
        assert sender.send(plain) == 1
        ended = now_us()
        assert sender.send(plain) == 0
        (one,) = run(plain, deliveries_of("city", 9))
        assert (one.tries, one.status, one.error) == (tries, 500, "HTTP 500")
        assert one.due_us is not None
        assert one.tried_us is not None
        assert began <= one.tried_us <= ended
        assert began <= one.due_us - pause * 1_000_000 <= ended
        due_now(plain)
    assert sender.send(plain) == 1
    (one,) = run(plain, deliveries_of("city", 9))
    assert one.due_us is None
    assert one.given_up_us is not None
    found = run(plain, find_webhook("city", None))
    assert found is not None
    assert (found.delivered, found.waiting, found.given_up) == (0, 0, 1)
    # Each try was the same message.
    assert len({(headers["webhook-id"], body) for headers, body in receiver.came}) == 1


@pytest.mark.parametrize("status", [302, 410])
def test_answers_that_are_none(plain: psycopg.Connection, receiver: Receiver, status: int) -> None:
    hook(plain, "city", receiver.url)
    silence(plain)
    receiver.status = status
    assert sends().send(plain) == 1
    (one,) = run(plain, deliveries_of("city", 9))
    assert one.delivered_us is None
    assert (one.given_up_us is not None) is (status == 410)
    assert len(receiver.came) == 1


def test_private_addresses_and_other_keys(plain: psycopg.Connection, receiver: Receiver) -> None:
    hook(plain, "city", receiver.url)
    silence(plain)
    assert sends(webhook_networks="").send(plain) == 1
    (one,) = run(plain, deliveries_of("city", 9))
    assert one.error is not None
    assert "JISHI_WEBHOOK_NETWORKS" in one.error
    due_now(plain)
    assert sends(webhook_keys=Fernet.generate_key().decode()).send(plain) == 1
    (one,) = run(plain, deliveries_of("city", 9))
    assert one.error is not None
    assert "JISHI_WEBHOOK_KEYS" in one.error
    assert receiver.came == []
    # The key that sealed it may be any but the first.
    due_now(plain)
    both = f"{Fernet.generate_key().decode()},{KEY}"
    assert sends(webhook_keys=both).send(plain) == 1
    assert len(receiver.came) == 1


def test_quiet_hours_delay_what_lasts_and_drop_what_does_not(
    plain: psycopg.Connection, receiver: Receiver
) -> None:
    hook(plain, "city", receiver.url)
    now = datetime.now(UTC)
    begin, end = ((now + timedelta(hours=h)).strftime("%H:%M") for h in (-1, 1))
    quiet = {"alert_quiet": f"{begin}-{end}", "timezone": "UTC"}
    sender = sends()
    silence(plain, **quiet)
    assert sender.send(plain) == 0
    (one,) = run(plain, deliveries_of("city", 9))
    assert one.due_us is not None
    assert 0 < one.due_us / 1e6 - now.timestamp() <= 3600
    silence(plain, over=True, **quiet)
    assert run(plain, deliveries_of("city", 9)) == []
    silence(plain, **quiet)
    due_now(plain)
    assert sender.send(plain) == 1
    assert json.loads(receiver.came[0][1])["type"] == "alert.opened"


def test_each_is_told_what_it_wants(plain: psycopg.Connection, receiver: Receiver) -> None:
    hook(plain, "other-kind", receiver.url, kinds=["instrument_silent"])
    hook(plain, "its-own", receiver.url, institution_id="inst")
    silence(plain)
    assert len(run(plain, deliveries_of("its-own", 9))) == 1
    assert run(plain, deliveries_of("other-kind", 9)) == []
    # Who comes later is not told the end of what it does not know; muted, nobody is told.
    hook(plain, "later", receiver.url)
    silence(plain, over=True)
    assert run(plain, deliveries_of("later", 9)) == []
    plain.execute("UPDATE alert SET muted_until = now() + interval '1 hour'")
    silence(plain)
    assert len(run(plain, deliveries_of("its-own", 9))) == 2


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "[::1]", "[fe80::1]", "[fd00::1]", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]",
        "[2002:a00:1::1]", "2130706433", "localhost",
    ],
)  # fmt: skip
def test_addresses_that_nobody_posts_to(address: str) -> None:
    with pytest.raises((ForbiddenError, OSError)) as refusal:
        post(f"https://{address}/", b"", {}, ())
    assert isinstance(refusal.value, ForbiddenError | socket.gaierror)


def test_a_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    """Whoever answers names differently the second time gains nothing."""
    answers: Iterator[str] = iter(["127.0.0.1", "10.0.0.1"])
    look_up: Callable[..., object] = socket.getaddrinfo

    def changing(host: str, *args: object, **more: object) -> object:
        return look_up(next(answers) if host == "moving.example" else host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    url = receiver.url.replace("127.0.0.1", "moving.example")
    assert post(url, b"{}", {}, networks("127.0.0.0/8"))[0] == 204
    assert receiver.came[0][0]["host"].startswith("moving.example:")
    with pytest.raises(ForbiddenError):
        post(url, b"{}", {}, networks("127.0.0.0/8"))
