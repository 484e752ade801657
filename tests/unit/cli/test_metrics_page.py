"""Where a command that runs on answers Prometheus."""

import socket
import urllib.request

import pytest
import typer
from prometheus_client import CollectorRegistry, Gauge

from cli.metrics_page import serve_metrics


def test_a_free_port_is_told() -> None:
    registry = CollectorRegistry()
    Gauge("answers", "what it is", registry=registry).set(42)
    with urllib.request.urlopen(serve_metrics("127.0.0.1", 0, registry)) as page:
        assert b"answers 42.0" in page.read()


def test_a_taken_port_is_refused_with_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(typer.Exit):
            serve_metrics("127.0.0.1", port, CollectorRegistry())
    assert capsys.readouterr().err == (
        f"/metrics cannot listen on 127.0.0.1:{port}: Address already in use;"
        " choose another --metrics-port\n"
    )
