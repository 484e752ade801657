"""Ingest whose page cannot be had."""

import os
import socket
import subprocess
import sys


def test_a_taken_port_is_refused_with_the_next_step() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment = {
            **os.environ,
            "JISHI_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            "JISHI_MQTT_URL": "mqtt://127.0.0.1:1",
            "JISHI_METRICS_PORT": str(port),
        }
        done = subprocess.run(
            [sys.executable, "-m", "ingest"], env=environment, capture_output=True, text=True
        )
    assert done.returncode == 1
    assert done.stderr == (
        f"ingest cannot start: /metrics cannot listen on 127.0.0.1:{port}: Address already in use;"
        " JISHI_METRICS_PORT chooses another port, 0 a free one\n"
    )
