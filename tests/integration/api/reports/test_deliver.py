"""Closed periods brought to real receivers: each record once, whatever fails meanwhile."""

import base64
import json
import os
import shutil
import ssl
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography import x509
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from structlog.testing import capture_logs

from cli.sender import Means, Sender
from models.delivery import Kind
from models.webhook import PAUSES, networks
from reports.signing import read_signer
from reports.verification import verify
from store.reports.deliveries import (
    Delivery,
    Item,
    Wish,
    find_delivery,
    list_items,
    put_delivery,
    retry_delivery,
)
from store.reports.outbox import LEASE_S, take
from store.run import run
from store.sealing import Sealer
from store.wanted import wanted
from tests.chance import counted, first_seed
from tests.integration.api.figures.world import World
from tests.integration.api.reports.conftest import START, USES, closed
from tests.lacking import Part, lacking
from tests.live import now_us

KEY = Fernet.generate_key().decode()
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
HERE = Path(__file__).parent
#: Of the receiver; `make test-faults` has a hundred.
KILLS = counted("JISHI_DELIVERY_KILLS", 10)


class Receiver(ThreadingHTTPServer):
    """Notes what is posted to it and answers as it is told."""

    request_queue_size = 64

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.came: list[dict[str, Any]] = []
        self.took: list[str] = []
        self.status: int | Callable[[str], int] = 204
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scheme = "http" if context is None else "https"
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}/in"

    def handle_error(self, *_: object) -> None: ...

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        record_id = body["data"]["record_id"]
        status = self.server.status
        status = status if isinstance(status, int) else status(record_id)
        self.server.came.append(body)
        if status < 300:
            self.server.took.append(record_id)
        self.send_response(status)
        answer = b"" if status == 204 else b"says the receiver \xff" + b"." * 9_000
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def means(key_file: Path, tmp_path: Path) -> Means:
    folder = tmp_path / "folders"
    folder.mkdir()
    return Means(
        sealer=Sealer(KEY), networks=networks("127.0.0.0/8"), folder=folder, key_file=key_file
    )


def wish(url: str, **changes: Any) -> Wish:
    return replace(
        Wish(
            kind=Kind.HTTPS,
            profile="records",
            form="json",
            url=url,
            every_s=10,
            persons=False,
            institution_id="i1",
            sealed=Sealer(KEY).seal(SECRET),
            sealed_anew=None,
            since_us=None,
        ),
        **changes,
    )


def put(world: World, made: Wish, name: str = "r") -> None:
    with world.conn.transaction():
        run(world.conn, put_delivery(name, made, actor="t", tenant=None))


def of(world: World, name: str = "r") -> Delivery:
    found = run(world.conn, find_delivery(name, None))
    assert found is not None
    return found


def items(world: World, name: str = "r", state: str | None = None) -> list[Item]:
    return run(world.conn, list_items(name, wanted([state] if state else []), 0, 1_000))


def pass_time(world: World, seconds: float) -> None:
    """All that is to come comes sooner by so much."""
    values = {"s": seconds}
    world.conn.execute(
        "UPDATE delivery SET paused_until = paused_until - %(s)s * '1s'::interval,"
        " looked_at = looked_at - %(s)s * '1s'::interval",
        values,
    )
    world.conn.execute("UPDATE delivery_item SET due_at = due_at - %(s)s * '1s'::interval", values)


def paused_until(world: World) -> int:
    """When all of it is tried again (µs)."""
    (row,) = world.conn.execute("SELECT us(paused_until) FROM delivery").fetchall()
    return int(row[0])


def seconds_until_next(world: World) -> float:
    (row,) = world.conn.execute(
        "SELECT extract(epoch FROM greatest(d.paused_until, min(i.due_at)) - clock_timestamp())"
        " FROM delivery d LEFT JOIN delivery_item i USING (delivery_key) GROUP BY d.delivery_key"
    ).fetchall()
    return max(0.0, float(row[0] or 0.0))


def work(sender: Sender, world: World) -> None:
    """All that is due."""
    while sender.step(world.conn):
        pass


def ids(period_id: int, count: int = USES) -> list[str]:
    return [f"{period_id}-{n}" for n in range(1, count + 1)]


def test_each_record_of_each_closed_period_once(
    world: World, receiver: Receiver, means: Means
) -> None:
    before = closed(world)
    put(world, wish(receiver.url))
    sender = Sender("", means)
    work(sender, world)
    assert receiver.came == []
    period, others, city = closed(world), closed(world, "i2"), closed(world, None)
    pass_time(world, 10)
    work(sender, world)
    assert receiver.took == ids(period.period_id)
    assert receiver.came[0]["type"] == "record.closed"
    told = receiver.came[0]["data"]
    assert told["profile"] == {"name": "records", "version": 1}
    assert told["period"]["period_id"] == period.period_id
    assert len(told["records"]) == 1
    # Once more, and nothing is left to do; another's periods are its own.
    pass_time(world, 10)
    work(sender, world)
    assert len(receiver.came) == USES
    assert (of(world).waiting, of(world).given_up, of(world).periods) == (0, 0, 1)
    put(world, wish(receiver.url, institution_id=None, since_us=START), "city")
    put(world, wish(receiver.url, since_us=START), "earlier")
    work(sender, world)
    came = Counter(one.rpartition("-")[0] for one in receiver.took)
    assert came[str(city.period_id)] == 2 * USES
    assert came[str(before.period_id)] == USES
    assert str(others.period_id) not in came
    (row, *_) = world.conn.execute("SELECT d::text FROM delivery d").fetchall()
    assert SECRET not in row[0]
    assert SECRET.removeprefix("whsec_").encode().hex() not in row[0]


@pytest.mark.chance
def test_a_receiver_is_killed_again_and_again(world: World, means: Means, tmp_path: Path) -> None:
    seed = first_seed()
    store = tmp_path / "store"
    store.mkdir()
    command = [sys.executable, str(HERE / "mortal_receiver.py"), str(store), str(seed), str(KILLS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        put(world, wish(f"http://127.0.0.1:{port}/in", institution_id=None))
        period = closed(world, None)
        sender = Sender("", means)
        with capture_logs() as said:
            while (waits := of(world).waiting) or not of(world).periods:
                assert waits <= 2 * USES
                work(sender, world)
                pass_time(world, seconds_until_next(world))
        process.terminate()
    wanted = ids(period.period_id, 2 * USES)
    assert sorted(path.name for path in (store / "kept").iterdir()) == sorted(wanted)
    came = (store / "came").read_text().split()
    killed = (store / "killed").read_text().splitlines()
    assert not (store / "forged").exists()
    assert not (store / "misnamed").exists()
    # What it stored and could not say came again, which the record's id tells; nothing else did.
    unsaid = sum(moment in ("once stored", "in the middle of its answer") for moment in killed)
    assert len(killed) == min(KILLS, len(killed))
    assert len(came) == len(wanted) + unsaid
    assert all(one.delivered_us is not None for one in items(world))
    fails = [line for line in said if line["event"].startswith("a delivery fails")]
    assert len(fails) <= len(killed)


def test_a_500_for_an_hour(world: World, receiver: Receiver, means: Means) -> None:
    put(world, wish(receiver.url))
    closed(world)
    receiver.status = 500
    sender, gone, tries = Sender("", means), 0.0, 0
    with capture_logs() as said:
        while gone < 3_600:
            before, began = len(receiver.came), now_us()
            work(sender, world)
            assert len(receiver.came) == before + 1, "the others wait with it"
            tries += 1
            tried_us = paused_until(world) - PAUSES[tries - 1] * 1_000_000
            assert began <= tried_us <= now_us()
            pause = seconds_until_next(world)
            found = of(world)
            assert (found.failures, found.failure) == (tries, "it answers 500")
            assert (found.waiting, found.given_up) == (USES, 0)
            pass_time(world, pause)
            gone += pause
        receiver.status = 204
        work(sender, world)
    assert len(receiver.took) == len(set(receiver.took)) == USES
    assert [line["event"] for line in said] == [
        "a delivery fails; what is due to it waits",
        "a delivery works again",
    ]
    assert said[0]["why"] == "it answers 500"
    answers = world.conn.execute(
        "SELECT a.status, a.answer, a.error FROM delivery_attempt a"
        " JOIN delivery_item USING (item_id) JOIN delivery USING (delivery_key) ORDER BY at"
    ).fetchall()
    assert answers[tries:] == [(204, b"", None)] * USES
    # As it came, its beginning.
    assert {(status, len(answer)) for status, answer, _ in answers[:tries]} == {(500, 4_096)}
    assert answers[0][1].startswith(b"says the receiver \xff")


def test_a_refused_record_keeps_no_other_back_and_is_a_dead_end(
    world: World, receiver: Receiver, means: Means
) -> None:
    put(world, wish(receiver.url))
    period = closed(world)
    bad = f"{period.period_id}-3"
    receiver.status = lambda record_id: 422 if record_id == bad else 204
    sender = Sender("", means)
    with capture_logs() as said:
        for pause in (*PAUSES, 0):
            work(sender, world)
            pass_time(world, pause)
    assert sorted(receiver.took) == sorted(set(ids(period.period_id)) - {bad})
    (dead,) = items(world, state="given_up")
    assert (dead.n, dead.tries, dead.status) == (3, len(PAUSES) + 1, 422)
    assert of(world).given_up == 1
    assert [line["event"] for line in said] == ["a receiver refuses what it is sent"] * 2
    # Settled with the receiver.
    receiver.status = 204
    with world.conn.transaction():
        assert run(world.conn, retry_delivery("r", actor="t", tenant=None)) == 1
    work(sender, world)
    assert sorted(receiver.took) == sorted(ids(period.period_id))
    assert of(world).given_up == 0


def test_several_send_and_each_item_is_ones(
    world: World, receiver: Receiver, means: Means, reports_url: str
) -> None:
    put(world, wish(receiver.url, institution_id=None))
    period = closed(world, None)
    senders = [Sender(reports_url, means) for _ in range(3)]
    threads = [threading.Thread(target=sender.run) for sender in senders]
    for thread in threads:
        thread.start()
    try:
        while not of(world).periods or of(world).waiting:
            threads[0].join(0.05)
            assert all(thread.is_alive() for thread in threads)
    finally:
        for sender in senders:
            sender.stop()
        for thread in threads:
            thread.join()
    assert sorted(receiver.took) == sorted(ids(period.period_id, 2 * USES))


def test_what_a_killed_sender_had_is_anothers_after_its_lease(
    world: World, receiver: Receiver, means: Means
) -> None:
    put(world, wish(receiver.url))
    period = closed(world)
    sender = Sender("", means)
    sender.look(world.conn)
    taken = run(world.conn, take())
    assert taken is not None
    work(sender, world)
    assert len(receiver.took) == USES - len(taken[1])
    pass_time(world, LEASE_S)
    work(sender, world)
    assert sorted(receiver.took) == sorted(ids(period.period_id))


def certificate(folder: Path, days: int, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """For 127.0.0.1, ending in so many days, and trusted but for that."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "receiver")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=90))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    file = folder / f"receiver{days}.pem"
    trusted = made.public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + trusted)
    (folder / f"trusted{days}.pem").write_bytes(trusted)
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / f"trusted{days}.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_a_certificate_that_has_ended(
    world: World, means: Means, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = Receiver(certificate(tmp_path, -1, monkeypatch))
    put(world, wish(receiver.url))
    closed(world)
    sender = Sender("", means)
    with capture_logs() as said:
        for pause in PAUSES[:3]:
            work(sender, world)
            pass_time(world, pause)
    receiver.close()
    assert [line["why"] for line in said] == [
        "its certificate is not to be trusted: certificate has expired"
    ]
    assert receiver.took == []
    assert of(world).waiting == USES
    renewed = Receiver(certificate(tmp_path, 90, monkeypatch))
    put(world, wish(renewed.url))
    work(sender, world)
    renewed.close()
    assert len(renewed.took) == len(set(renewed.took)) == USES


@pytest.mark.parametrize(
    ("url", "changes", "why"),
    [
        ("https://receiver.invalid/in", {}, "its name cannot be looked up"),
        ("http://127.0.0.1:9/in", {}, "nobody listens there"),
        ("http://10.1.2.3/in", {}, "JISHI_WEBHOOK_NETWORKS"),
        ("http://127.0.0.1:9/in", {"sealer": None}, "JISHI_WEBHOOK_KEYS is not set"),
        (
            "http://127.0.0.1:9/in",
            {"sealer": Sealer(Fernet.generate_key().decode())},
            "JISHI_WEBHOOK_KEYS does not have",
        ),
    ],
    ids=["no such name", "nobody there", "a private network", "no keys", "another key"],
)
def test_what_cannot_be_reached_is_one_line_and_waits(
    world: World, means: Means, url: str, changes: dict[str, Any], why: str
) -> None:
    put(world, wish(url))
    closed(world)
    sender = Sender("", replace(means, **changes))
    with capture_logs() as said:
        for pause in PAUSES[:2]:
            work(sender, world)
            pass_time(world, pause)
    (line,) = said
    assert why in line["why"]
    assert (of(world).waiting, of(world).given_up) == (USES, 0)
    assert of(world).failing_since_us is not None


def folder_of(means: Means, period_id: int, whose: str = "i1") -> Path:
    assert means.folder is not None
    return means.folder / whose / "out" / f"period-{period_id}"


def in_folder(**changes: Any) -> Wish:
    return wish("out", **{"kind": Kind.FOLDER, "sealed": None, "form": "csv", **changes})


def test_a_folder_that_verifies(world: World, means: Means, key_file: Path) -> None:
    put(world, in_folder())
    put(world, in_folder(form="xlsx", institution_id=None), "city")
    period, city = closed(world), closed(world, None)
    work(Sender("", means), world)
    public = read_signer(key_file).public
    for folder, names in (
        (folder_of(means, period.period_id), {"records-1.csv"}),
        (folder_of(means, city.period_id, "_city"), {"records-1.csv", "records-1.xlsx"}),
    ):
        found = verify(folder, [public])
        assert all(one.fault is None for one in found)
        assert {one.name for one in found} == names | {"manifest-1.json"}
    assert {one.name for one in items(world) if one.sha256} == {
        "records-1.csv",
        "manifest-1.json",
        "manifest-1.json.sig",
    }


def test_a_folder_that_is_full(world: World, means: Means, tmp_path: Path, key_file: Path) -> None:
    if os.geteuid() != 0:
        lacking(Part.ROOT)
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(disk)]
    if subprocess.run(mounted, capture_output=True, check=False).returncode != 0:
        lacking(Part.ROOT, "mount refused")
    try:
        on_disk = replace(means, folder=disk)
        put(world, in_folder())
        period = closed(world)
        sender = Sender("", on_disk)
        (disk / "others").write_bytes(b"x" * 8_192)
        with capture_logs() as said:
            for pause in PAUSES[:3]:
                work(sender, world)
                pass_time(world, pause)
            (line,) = said
            folder = folder_of(on_disk, period.period_id)
            assert line["why"] == f"{folder} cannot be written: no space is left"
            assert not any(folder.iterdir()), "nothing half"
            assert of(world).waiting == 3
            subprocess.run(["mount", "-o", "remount,size=1m", str(disk)], check=True)
            pass_time(world, PAUSES[2])
            work(sender, world)
        assert all(one.fault is None for one in verify(folder, [read_signer(key_file).public]))
        assert said[-1]["event"] == "a delivery works again"
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_folders_that_cannot_be(world: World, means: Means) -> None:
    put(world, in_folder())
    closed(world)
    for changes, why in (
        ({"key_file": None}, "JISHI_SIGNING_KEY_FILE is not set"),
        ({"key_file": Path("/nowhere")}, "jishi reports key"),
        ({"folder": None}, "JISHI_DELIVERIES_FOLDER is not set"),
        ({"folder": Path("/nowhere")}, "is its disk mounted?"),
    ):
        work(Sender("", replace(means, **changes)), world)
        assert why in (of(world).failure or "")
        pass_time(world, 90_000)
    work(Sender("", means), world)
    assert (of(world).failure, of(world).waiting) == (None, 0)


def test_persons_go_to_whom_they_are_meant_for_and_stay_nowhere(
    world: World, receiver: Receiver, means: Means
) -> None:
    key = world._key("instrument", "sem-1")
    (row,) = world.conn.execute(
        "INSERT INTO annotation (instrument_key, at, purpose, actor)"
        " VALUES (%s, %s, 'research', 'test') RETURNING annotation_id",
        [key, datetime.fromtimestamp(START / 1e6, UTC)],
    ).fetchall()
    world.conn.execute(
        "INSERT INTO annotation_person (annotation_id, name) VALUES (%s, '王小明')", row
    )
    put(world, wish(receiver.url, persons=True, profile="nrii-columns"))
    put(world, in_folder(persons=True, profile="nrii-columns"), "folder")
    put(world, wish(receiver.url), "without")
    period = closed(world)
    receiver.status = 422
    sender = Sender("", means)
    work(sender, world)
    named = [one for one in receiver.came if "王小明" in json.dumps(one, ensure_ascii=False)]
    # What is refused is tried anew, here already if the others took long.
    assert {one["data"]["profile"]["name"] for one in named} == {"nrii-columns"}
    (record_id,) = {one["data"]["record_id"] for one in named}
    (tries,) = [one.tries for one in items(world) if record_id == f"{one.period_id}-{one.n}"]
    assert len(named) == tries
    folder = folder_of(means, period.period_id)
    assert [path.name for path in folder.iterdir()] == ["nrii-columns-1.csv"]
    assert "王小明" in (folder / "nrii-columns-1.csv").read_text("utf-8")
    (sent,) = items(world, "folder")
    assert sent.sha256 is not None
    # Answers may repeat what was sent.
    assert {one.answer for one in items(world)} == {None}
    assert all(one.answer for one in items(world, "without") if one.tries)
    # Erased, they are told no more; and nothing that is kept ever held them.
    world.conn.execute("DELETE FROM annotation")
    before = len(receiver.came)
    pass_time(world, PAUSES[-1])  # they may have been tried several times
    work(sender, world)
    assert len(receiver.came) > before
    assert "王小明" not in json.dumps(receiver.came[before:], ensure_ascii=False)
    kept = psycopg.connect(world.conn.info.dsn, password=world.conn.info.password)
    with kept:
        for table in ("delivery", "delivery_item", "delivery_attempt", "period_file_piece"):
            rows = kept.execute(f"SELECT t::text FROM {table} t").fetchall()  # type: ignore[arg-type]
            text = repr(rows)
            assert "王小明" not in text
            assert "王小明".encode().hex() not in text


def test_a_form_that_sums_up_goes_into_folders_alone(
    world: World, receiver: Receiver, means: Means
) -> None:
    put(world, wish(receiver.url, profile="cers-share-effect"))
    put(world, in_folder(profile="cers-share-effect"), "folder")
    period = closed(world)
    work(Sender("", means), world)
    assert "a row an instrument" in (of(world).failure or "")
    assert of(world).waiting == 0
    assert (folder_of(means, period.period_id) / "cers-share-effect-1.csv").exists()
    assert receiver.came == []
    shutil.rmtree(folder_of(means, period.period_id))
