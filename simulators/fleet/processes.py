"""Memory of the service's processes, where they run on this machine.

They are found by whom they listen to: the ready-file names a port of each. ``/proc`` says who
holds it and what memory that takes; elsewhere, or for others' processes, there is nothing to
tell and nothing is told.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_LISTENING = "0A"
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1", ""})
_KB = 1 / 1024


def _inodes(port: int) -> set[str]:
    """Sockets that listen on a port."""
    found = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{fields[9]}]")
    return found


def _holders(inodes: dict[str, str]) -> dict[str, set[int]]:
    """Processes by name, from sockets' names to those of the processes."""
    found: dict[str, set[int]] = {}
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        with suppress(OSError):
            for entry in os.scandir(process / "fd"):
                with suppress(OSError):
                    name = inodes.get(os.readlink(entry.path))
                    if name is not None:
                        found.setdefault(name, set()).add(int(process.name))
    return found


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                # The name may hold spaces and brackets; what follows the last bracket is fixed.
                after = (process / "stat").read_text().rpartition(")")[2].split()
                found.setdefault(int(after[1]), []).append(int(process.name))
    return found


def _fields(path: Path) -> dict[str, int]:
    """``Name:  123 kB`` lines."""
    found = {}
    with suppress(OSError):
        for line in path.read_text().splitlines():
            name, _, rest = line.partition(":")
            words = rest.split()
            if len(words) == 2 and words[1] == "kB":
                found[name] = int(words[0])
    return found


def _memory(pids: set[int]) -> dict[str, Any]:
    """Of some processes together; shared memory counts once."""
    now = peak = 0
    for pid in pids:
        status = _fields(Path(f"/proc/{pid}/status"))
        shares = _fields(Path(f"/proc/{pid}/smaps_rollup"))
        now += shares.get("Pss", status.get("RssAnon", 0))
        peak += status.get("VmHWM", 0)
    found: dict[str, Any] = {"processes": len(pids), "memory_mb": round(now * _KB, 1)}
    if len(pids) == 1:
        # Peaks of several are not of one moment and share their memory.
        found["peak_mb"] = round(peak * _KB, 1)
    return found


def memory_of(addresses: dict[str, tuple[str | None, int | None]]) -> dict[str, dict[str, Any]]:
    """Memory by name, of whoever listens, and of their children.

    Args:
        addresses: Host and port by name; hosts elsewhere are left out.

    Returns:
        Processes, memory now (their own share of what is shared, MB), and for a single process
        the most that it ever was resident. Names that were not found are missing.
    """
    inodes = {
        inode: name
        for name, (host, port) in addresses.items()
        if port and (host or "") in _LOCAL
        for inode in _inodes(port)
    }
    children = _children()
    found = {}
    for name, pids in _holders(inodes).items():
        family = set(pids)
        queue = list(pids)
        while queue:
            for child in children.get(queue.pop(), ()):
                if child not in family:
                    family.add(child)
                    queue.append(child)
        found[name] = _memory(family)
    return found


def of_service(
    *, api_url: str, metrics_url: str, database_url: str, host: str, port: int
) -> dict[str, dict[str, Any]]:
    """Memory of broker, database, ingest and API, and of this process itself."""
    addresses: dict[str, tuple[str | None, int | None]] = {"broker": (host, port)}
    for name, url in (("database", database_url), ("ingest", metrics_url), ("api", api_url)):
        with suppress(ValueError):
            parts = urlsplit(url)
            addresses[name] = (parts.hostname, parts.port)
    found = memory_of(addresses)
    order = {name: found[name] for name in addresses if name in found}
    return {**order, "simulator": _memory({os.getpid()})}
