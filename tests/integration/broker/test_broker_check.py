"""``jishi broker-check`` against brokers that are right, and against one that is not."""

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from typer.testing import CliRunner, Result

from cli.broker_check.checks import WANTED
from cli.broker_check.readers import READERS
from cli.main import app
from stack import Settings
from stack.fetch import find_mosquitto
from stack.lifecycle import ports
from stack.mosquitto import Mosquitto
from tests.live import until


def url(user: str, password: str, port: int) -> str:
    return f"mqtt://{quote(user)}:{quote(password)}@127.0.0.1:{port}"


def check(ingest: str, gateway: str, other: str) -> Result:
    result = CliRunner().invoke(
        app,
        ["broker-check"],
        env={
            "JISHI_MQTT_URL": ingest,
            "JISHI_CHECK_GATEWAY_URL": gateway,
            "JISHI_CHECK_OTHER_URL": other,
            "COLUMNS": "200",
        },
    )
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def verdicts(result: Result) -> dict[str, str]:
    """The mark of each line of the table."""
    found = re.findall(r"│ ([✓✗–]) +│ (.+?) +│", result.output)
    return {name: mark for mark, name in found}


def test_a_mosquitto_of_ours_does_all_of_it(tmp_path: Path) -> None:
    with Mosquitto(find_mosquitto(Settings.from_environ(os.environ)), tmp_path) as broker:
        accounts = broker.set_passwords({"gw-check": "one", "gw-other": "two"})
        ingest = broker.ingest
        result = check(
            url(ingest.username, ingest.password, broker.port),
            *(url(one.username, one.password, broker.port) for one in accounts.values()),
        )
        assert result.exit_code == 0, result.output
        right = {wanted.name: "✓" for wanted in (*WANTED, *READERS)}
        # Ours ties client ids to user names.
        right["shared filters"] = "–"
        assert verdicts(result) == right


def answers(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def careless(folder: Path) -> Iterator[int]:
    """A Mosquitto as it should not be: anyone may come, write and read; little is queued."""
    port = next(ports(None))
    (folder / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 100\n"
        "message_size_limit 100000\n"
    )
    program = find_mosquitto(Settings.from_environ(os.environ)).mosquitto
    with subprocess.Popen([program, "-c", folder / "mosquitto.conf"], cwd=folder) as process:
        try:
            until(lambda: answers(port))
            yield port
        finally:
            process.terminate()


def test_a_careless_broker_is_told_what_it_lacks(tmp_path: Path) -> None:
    with careless(tmp_path) as port:
        addresses = [url(name, "x", port) for name in ("ingest", "gw-check", "gw-other")]
        result = check(*addresses)
    assert result.exit_code == 1
    wrong = {name for name, mark in verdicts(result).items() if mark == "✗"}
    assert wrong == {
        "passwords",
        "kept session",
        "rights to write",
        "rights to read",
        "largest message",
    }
    for wanted in WANTED:
        assert (f"{wanted.name}: " in result.output) == (wanted.name in wrong)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param(["http://u:p@h"], "must be mqtt", id="another protocol"),
        pytest.param(["mqtt://h"], "must be mqtt", id="no user"),
        pytest.param(["mqtt://u:p@h"], "list of processes", id="a password to be seen"),
    ],
)
def test_what_is_typed_wrongly_is_refused(given: list[str], told: str) -> None:
    result = CliRunner().invoke(app, ["broker-check", *given], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert told in result.output


def test_a_broker_that_is_away_is_named() -> None:
    result = check(*(url(name, "x", 1) for name in ("ingest", "gw-check", "gw-other")))
    assert result.exit_code == 1
    assert "127.0.0.1:1 does not answer" in result.output
