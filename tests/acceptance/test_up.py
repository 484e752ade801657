"""Two services side by side, started as people start them; both end without a trace."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.live import until

ROOT = Path(__file__).resolve().parents[2]
STARTING, ENDING = 90.0, 60.0  # seconds


def descendants(pid: int) -> set[int]:
    """Every process below one, and those that were started there and let go."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def holding(folder: Path) -> set[int]:
    """Processes whose command line names a folder."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                if str(folder).encode() in (entry / "cmdline").read_bytes():
                    found.add(int(entry.name))
            except OSError:
                continue
    return found


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_two_side_by_side_end_without_a_trace(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir(mode=0o755)
    # The database's account must be able to walk down to its folder.
    for folder in (tmp_path, *tmp_path.parents[:3]):
        if folder.owner() == tmp_path.owner() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    data = temporary / "kept"
    ups = []
    for number in range(2):
        ready = tmp_path / f"ready{number}.json"
        command = [sys.executable, "-m", "cli", "up", "--ready-file", str(ready)]
        if number == 1:
            command += ["--data-dir", str(data)]
        log = (tmp_path / f"up{number}.log").open("wb")
        with log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "TMPDIR": str(temporary)},
                stdout=log,
                stderr=log,
            )
        ups.append((process, ready, tmp_path / f"up{number}.log"))
    try:
        spoke = []
        for process, ready, log_path in ups:

            def up(process: subprocess.Popen[bytes] = process, ready: Path = ready) -> bool:
                return ready.exists() or process.poll() is not None

            until(up, STARTING)
            assert ready.exists(), log_path.read_text()
            assert ready.stat().st_mode & 0o077 == 0, "readable by its owner alone"
            spoke.append(json.loads(ready.read_text()))
        assert spoke[0]["api_url"] != spoke[1]["api_url"]
        ports = []
        for one in spoke:
            assert httpx.get(f"{one['api_url']}/readyz").status_code == 200
            urls = (one["api_url"], one["metrics_url"], one["database_url"])
            ports += [urlsplit(url).port for url in urls] + [one["mqtt"]["port"]]
        assert all(listens(port) for port in ports)
        below = set().union(*(descendants(process.pid) for process, _, _ in ups))
        below |= holding(temporary)
        assert len(below) > 8, "database, broker, ingest and api, twice"
        for process, _, _ in ups:
            process.send_signal(signal.SIGTERM)
        for process, _, log_path in ups:
            assert process.wait(ENDING) == 0, log_path.read_text()
    finally:
        for process, _, _ in ups:
            if process.poll() is None:
                process.terminate()
                process.wait(ENDING)
    until(lambda: not [pid for pid in below if alive(pid)])
    assert not [port for port in ports if listens(port)]
    assert [path.name for path in temporary.iterdir()] == ["kept"]
    assert not list(data.rglob("postmaster.pid")), "no lock of the database"
    assert not any(ready.exists() for _, ready, _ in ups)
