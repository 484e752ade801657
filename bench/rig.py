"""The servers under measurement, durable as in earnest, and ingest as a child process.

``drain.py``, ``visible.py`` and ``reads.py`` measure on it.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from bench.city import City, register
from bench.publisher import Publisher
from cli.children import Child
from cli.connection import child_environment
from migrations import runner
from stack import LocalStack

ROOT = Path(__file__).resolve().parent.parent
FILTERS = ("instruments/v1/+/heartbeat", "instruments/v1/+/status")


@dataclass
class Rig:
    """A started stack with a registered city."""

    stack: LocalStack
    city: City
    settings: Mapping[str, object] = field(default_factory=dict)

    def ingest(self, **more: object) -> Child:
        """An ingest process, not started yet."""
        account = self.stack.broker.ingest
        mqtt_url = (
            f"mqtt://{quote(account.username)}:{quote(account.password)}"
            f"@{self.stack.mqtt_host}:{self.stack.mqtt_port}"
        )
        environment = child_environment(
            database_url=self.stack.database_url,
            mqtt_url=mqtt_url,
            mqtt_client_id=account.client_id,
            metrics_port=0,
            **{**self.settings, **more},
        )
        return Child("ingest", environment, ROOT, self.stack.folder / "ingest.log")

    def api(self, **more: object) -> Child:
        """An API process, not started yet."""
        environment = child_environment(
            database_url=self.stack.database_url, api_port=0, **{**self.settings, **more}
        )
        return Child("api", environment, ROOT, self.stack.folder / "api.log")


@contextmanager
def started(
    city: City, *, durable: bool = True, settings: Mapping[str, object] | None = None
) -> Iterator[Rig]:
    """Stack, schema and registry, for as long as the context lasts."""
    # On a disk: the default temporary folder may be memory.
    folder = os.environ.get("JISHI_BENCH_DIR")
    with tempfile.TemporaryDirectory(prefix="jishi-bench-", dir=folder) as data_dir:
        os.chmod(data_dir, 0o755)  # noqa: S103 - the database runs as another user under root
        with LocalStack(data_dir, publisher=True, durable=durable, ingest_workers=3) as stack:
            runner.migrate(stack.database_url)
            register(stack.database_url, city)
            yield Rig(stack, city, settings or {})


def daytime_zone(now_s: float) -> str:
    """A zone where it is early afternoon now.

    Heartbeats of a day that is over cost more, for its rollups are made again; a backlog must
    not lie on either side of midnight by the hour at which it happens to be measured.
    """
    ahead = (14 - int(now_s // 3600)) % 24
    ahead = ahead - 24 if ahead > 12 else ahead
    # POSIX turns the sign round.
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


def publish(rig: Rig, messages: Iterable[tuple[str, bytes]]) -> int:
    """Publishes with the account that may do so for any gateway; how many."""
    account = rig.stack.broker.publisher
    assert account is not None
    with Publisher(
        rig.stack.mqtt_host,
        rig.stack.mqtt_port,
        "bench-publisher",
        account.username,
        account.password,
    ) as publisher:
        return publisher.publish(messages)


def metric(url: str, name: str) -> float:
    """One value of a Prometheus page; 0 where it is not there."""
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
        for line in answer.read().decode().splitlines():
            if line.startswith(name) and line[len(name)] in " {":
                return float(line.rsplit(" ", 1)[1])
    return 0.0


def connected_at(log: Path, since: float) -> float:
    """When ingest was connected, by its own log; wall-clock seconds."""
    found = 0.0
    if not log.exists():
        return found
    for line in log.read_text("utf-8", "replace").splitlines():
        if '"mqtt_connect"' in line and '"connected"' in line:
            said = json.loads(line)
            at = datetime.fromisoformat(said["timestamp"].replace("Z", "+00:00")).timestamp()
            if at >= since and not found:
                found = at
    return found


def peak_rss_mb(pid: int) -> float:
    """The most memory that a process has held (VmHWM), in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def cpu_seconds(pid: int) -> float:
    """What a process has computed so far; unlike time, it hardly minds the neighbours."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def tree_cpu_seconds(pid: int) -> float:
    """The same of a process with its children, those that ended included."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        if int(stat.parent.name) == pid:
            ticks += sum(map(int, fields[11:15]))  # its own, and its children's when they ended
        elif int(fields[1]) == pid:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def search_path() -> str:
    """A PATH with psql and mosquitto_sub in front."""
    command = [sys.executable, "-m", "stack", "path"]
    return subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()


def run_shell(command: str, environment: Mapping[str, str]) -> float:
    """Seconds that a pipe of other programs takes.

    Raises:
        subprocess.CalledProcessError: One of them failed.
    """
    began = time.perf_counter()
    subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env={**os.environ, **environment},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=sys.stderr,
    )
    return time.perf_counter() - began
