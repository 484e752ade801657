"""What `jishi doctor` says of ingest in each state that an operator has to tell from the others."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg import sql
from typer.testing import CliRunner

from cli.main import app
from tests.faults.rig import Rig
from tests.faults.worker import Worker, eventually
from tests.ports import free_port

pytestmark = pytest.mark.usefixtures("as_operated")


def doctor(rig: Rig, page: int, *, url: str | None = None) -> tuple[int, str]:
    """Exit status and what is said, in one line."""
    done = CliRunner().invoke(
        app,
        ["doctor", "--ingest-url", f"http://127.0.0.1:{page}"],
        env={"JISHI_DATABASE_URL": url or rig.url, "COLUMNS": "10000"},
    )
    return done.exit_code, " ".join(done.output.split())


def waits_for(rig: Rig, page: int, *words: str, url: str | None = None) -> None:
    """Until it is told with all of these words, and not well."""
    said = ""

    def told() -> bool:
        nonlocal said
        status, said = doctor(rig, page, url=url)
        return status == 1 and all(word in said for word in words)

    eventually(told, 30, f"doctor says {words}", every=0.3, more=lambda: said)


@contextmanager
def shows_expired(folder: Path) -> Iterator[tuple[int, Path]]:
    """A server that shows a certificate that has ended; its port and the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now - timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate = folder / "shown.pem"
    certificate.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            with plain, suppress(OSError):
                context.wrap_socket(plain, server_side=True).close()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1], certificate
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def lacks_a_broker(rig: Rig, page: int, **settings: object) -> Worker:
    worker = rig.worker(start=False, metrics_port=page, **settings)
    worker.start(wait=False)
    return worker


def test_each_state_has_its_next_step(rig: Rig, tmp_path: Path) -> None:
    page, elsewhere = free_port(), free_port()
    waits_for(rig, page, "no ingest process", "start `jishi ingest`")

    worker = rig.worker(metrics_port=page)
    _, said = eventually(
        lambda: (found := doctor(rig, page))[0] == 0 and found, 15, "all is well", every=0.3
    )
    assert "ingest-1 listened" in said
    assert "all is well" in said

    # Runs, and cannot write.
    name = sql.Identifier(urlsplit(rig.url).path[1:])
    alter = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}")
    with psycopg.connect(rig.postgres.url_of("postgres"), autocommit=True) as connection:
        connection.execute(alter.format(name, sql.Literal("on")))
        rig.ask(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name LIKE 'ingest-1%%' AND datname = current_database()"
        )
        waits_for(
            rig, page, "it is set read-only", "name the primary", "nothing can be written (",
            "read-only transaction",
        )  # fmt: skip
        # The same from where its page is out of reach: its connection's name says it.
        waits_for(rig, elsewhere, "ingest-1 runs, but nothing can be written", "bring the database")
        connection.execute(alter.format(name, sql.Literal("off")))
    # No database at all: the page alone speaks.
    nowhere = f"postgresql://jishi@127.0.0.1:{elsewhere}/jishi"
    waits_for(rig, page, "the database cannot be used", url=nowhere)
    assert "no ingest process" not in doctor(rig, page, url=nowhere)[1]
    worker.kill()

    # Runs, and does not come in at the broker.
    account = rig.broker.ingest
    wrong = f"mqtt://{account.username}:wrong@127.0.0.1:{rig.broker.port}"
    worker = lacks_a_broker(rig, page, mqtt_url=wrong)
    waits_for(
        rig, page, "no connection to the broker", "does not let the account", "JISHI_MQTT_URL"
    )
    waits_for(rig, elsewhere, "ingest-1 runs, but no connection to the broker", "bring the broker")
    worker.kill()
    with shows_expired(tmp_path) as (port, certificate):
        worker = lacks_a_broker(
            rig, page, mqtt_url=f"mqtts://localhost:{port}", mqtt_ca_file=certificate
        )
        waits_for(rig, page, "certificate has expired", "renew the broker's certificate")
        worker.kill()

    # Is let in, and not delivered to: any account but ingest's.
    stranger = rig.broker.set_password("gw-stranger")
    url = f"mqtt://gw-stranger:{stranger.password}@127.0.0.1:{rig.broker.port}"
    lacks_a_broker(rig, page, mqtt_url=url, mqtt_client_id="gw-stranger")
    waits_for(
        rig, page, "the broker does not deliver", "'gw-stranger'",
        "read instruments/v1/+/heartbeat",
    )  # fmt: skip
    waits_for(rig, elsewhere, "ingest-1 runs, but the broker does not deliver")


def test_gateways_without_a_listener_are_told(rig: Rig) -> None:
    page = free_port()
    rig.worker(metrics_port=page, ingest_worker="1/2")
    waits_for(rig, page, "nobody listens for", "start the workers that have them")
