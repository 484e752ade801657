"""Node-RED as a peer: one MQTT node, one function that inserts through ten connections.

Node-RED and ``pg``, PostgreSQL's client for Node, come from npm at fixed versions into the
project's cache folder, outside the tree, once; where npm or Node is absent, or nothing can be
fetched, the benchmark says so and goes on without. Its rate is taken from its rows' own times,
first to last, so that starting Node costs it nothing.
"""

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import psycopg

from bench.beats import Stretch, singles
from bench.exact import NotExactError
from bench.publisher import make_session
from bench.rig import FILTERS, Rig, publish

#: The last ones that run on Node 18 and 20 as well.
PACKAGES = ("node-red@4.1.8", "pg@8.23.1")
CONNECTIONS = 10
INSTALL_PATIENCE, PATIENCE = 240.0, 120.0  # seconds
WORKER = 2  # the broker's account that is Node-RED's

_INSERT = """
const pool = global.get('pool');
pool.query('INSERT INTO node_red (j) VALUES ($1)', [msg.payload])
    .then(() => node.done(), error => node.error(error, msg));
"""


class UnavailableError(RuntimeError):
    """There is no Node-RED to be measured here; the text says why."""


def cache_folder() -> Path:
    """Where the packages are kept between runs."""
    named = os.environ.get("JISHI_CACHE_DIR")
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return (Path(named) if named else Path(home) / "jishi") / "node-red-4"


def installed() -> Path:
    """The folder with the packages, fetched if need be.

    Raises:
        UnavailableError: There is no Node or npm, or npm cannot fetch them.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise UnavailableError(f"there is no {program} on this machine")
    folder = cache_folder()
    if (folder / "complete").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund"]
    try:
        subprocess.run(
            [*command, "--ignore-scripts", "--loglevel=error", *PACKAGES],
            check=True,
            capture_output=True,
            text=True,
            timeout=INSTALL_PATIENCE,
        )
    except subprocess.CalledProcessError as error:
        why = (error.stderr or "").strip().splitlines()[-1:] or ["no reason given"]
        raise UnavailableError(f"npm cannot install {', '.join(PACKAGES)}: {why[0]}") from error
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"npm took more than {INSTALL_PATIENCE:.0f} s") from error
    (folder / "complete").touch()
    return folder


def drain_node_red(rig: Rig, stretch: Stretch, most: int) -> float:
    """Drains a queued backlog of single heartbeats; messages per second.

    Raises:
        UnavailableError: It cannot be had, or does not start.
        NotExactError: It kept another number of rows than there were messages.
    """
    packages = installed()
    account = rig.stack.broker.ingest_account(WORKER)
    assert account.client_id is not None
    make_session(
        rig.stack.mqtt_host,
        rig.stack.mqtt_port,
        account.client_id,
        account.username,
        account.password,
        FILTERS[:1],
    )
    count = publish(rig, singles(stretch, most))
    with psycopg.connect(rig.stack.database_url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS node_red")
        connection.execute(
            "CREATE TABLE node_red (received_at timestamptz DEFAULT clock_timestamp(), j jsonb)"
        )
        folder = rig.stack.folder / "node-red"
        folder.mkdir(exist_ok=True)
        _configure(rig, folder, packages)
        log = folder / "node-red.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [
                    "node",
                    str(packages / "node_modules/node-red/red.js"),
                    "--userDir",
                    str(folder),
                    "--settings",
                    str(folder / "settings.js"),
                ],
                stdout=out,
                stderr=out,
                env={**os.environ, "NODE_PATH": str(packages / "node_modules")},
            )
            try:
                _wait(connection, process, count, log)
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(10)
        row = connection.execute(
            "SELECT count(*), extract(epoch FROM max(received_at) - min(received_at))::float8"
            " FROM node_red"
        ).fetchone()
        connection.execute("DROP TABLE node_red")
    assert row is not None
    if row[0] != count:
        raise NotExactError(f"Node-RED kept {row[0]:,} of {count:,} messages")
    return float(count / row[1])


def _wait(
    connection: psycopg.Connection, process: "subprocess.Popen[bytes]", count: int, log: Path
) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        kept = connection.execute("SELECT count(*) FROM node_red").fetchone()
        if kept is not None and kept[0] >= count:
            return
        if process.poll() is not None or time.monotonic() > until:
            end = log.read_text("utf-8", "replace")[-600:]
            raise UnavailableError(f"Node-RED has {kept} of {count:,} messages; it says: {end}")
        time.sleep(0.25)


def _configure(rig: Rig, folder: Path, packages: Path) -> None:
    account = rig.stack.broker.ingest_account(WORKER)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "uiHost": "127.0.0.1",
        "uiPort": port,
        "httpAdminRoot": False,
        "httpNodeRoot": False,
        "credentialSecret": False,
        "flowFile": "flows.json",
        "logging": {"console": {"level": "warn", "metrics": False, "audit": False}},
    }
    client = json.dumps(str(packages / "node_modules/pg"))
    pool = json.dumps({"connectionString": rig.stack.database_url, "max": CONNECTIONS})
    (folder / "settings.js").write_text(
        f"const {{ Pool }} = require({client});\n"
        f"module.exports = {{ ...{json.dumps(settings)},"
        f" functionGlobalContext: {{ pool: new Pool({pool}) }} }};\n",
        "utf-8",
    )
    flow = [
        {"id": "tab", "type": "tab", "label": "bench"},
        {
            "id": "broker",
            "type": "mqtt-broker",
            "broker": rig.stack.mqtt_host,
            "port": str(rig.stack.mqtt_port),
            "clientid": account.client_id,
            "autoConnect": True,
            "protocolVersion": "5",
            "keepalive": "60",
            "cleansession": False,
            "sessionExpiry": "4294967295",
        },
        {
            "id": "in",
            "type": "mqtt in",
            "z": "tab",
            "topic": FILTERS[0],
            "qos": "1",
            "datatype": "utf8",
            "broker": "broker",
            "inputs": 0,
            "wires": [["insert"]],
        },
        {
            "id": "insert",
            "type": "function",
            "z": "tab",
            "func": _INSERT,
            "outputs": 0,
            "wires": [],
        },
    ]
    (folder / "flows.json").write_text(json.dumps(flow), "utf-8")
    secret = {"broker": {"user": account.username, "password": account.password}}
    (folder / "flows_cred.json").write_text(json.dumps(secret), "utf-8")
    for name in ("settings.js", "flows_cred.json"):
        (folder / name).chmod(0o600)
