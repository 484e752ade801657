"""What ingest tells of the broker's certificate: the one shown now, also when it has ended."""

import os
import time
from pathlib import Path

from prometheus_client import CollectorRegistry

from ingest.metrics import Metrics
from ingest.mqtt.certificate import CertificateWatch
from stack import Settings
from stack.certificates import Authority
from stack.fetch import find_mosquitto
from stack.mosquitto import Mosquitto
from tests.live import until

DAY = 86_400


def test_the_end_of_what_is_shown_now(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "certs")
    authority.create()
    programs = find_mosquitto(Settings.from_environ(os.environ))

    def days_left(port: int) -> float:
        metrics = Metrics(CollectorRegistry())
        told = metrics.certificate_expires
        CertificateWatch(f"mqtts://somebody:secret@localhost:{port}", told).start()

        def value() -> float:
            found: float = told._value.get()
            return found if found == found else 0.0

        return round((until(value) - time.time()) / DAY, 2)

    authority.issue_server(["localhost"], days=30)
    with Mosquitto(programs, tmp_path / "broker", tls=authority.files) as broker:
        assert days_left(broker.tls_port) == 30
        assert days_left(broker.tls_client_port) == 30
        authority.issue_server(["localhost"], days=3)
        broker.read_certificates()
        until(lambda: days_left(broker.tls_port) == 3)
        # One that has ended keeps everybody out, and is seen all the same.
        authority.issue_server(["localhost"], days=-1)
        broker.read_certificates()
        until(lambda: days_left(broker.tls_port) < 0)


def test_without_tls_there_is_nothing_to_tell() -> None:
    registry = CollectorRegistry()
    CertificateWatch("mqtt://localhost:1", Metrics(registry).certificate_expires).start()
    value = registry.get_sample_value("jishi_ingest_broker_certificate_expiry_timestamp_seconds")
    assert value != value
