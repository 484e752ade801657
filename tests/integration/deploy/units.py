"""Units of `deploy/systemd`, read as systemd reads them as far as ours go, and run without it."""

import ctypes
import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

SHIPPED = Path(__file__).parents[3] / "deploy/systemd"
ROOT = Path(__file__).parents[3]
_LIBC = ctypes.CDLL(None)
COMMAND = "/opt/jishi/.venv/bin/jishi"


class Unit:
    """One unit, by the name that it is started under (``jishi-ingest@2.service``)."""

    def __init__(self, name: str) -> None:
        stem, at, rest = name.partition("@")
        self.instance = rest.removesuffix(".service")
        self.file = SHIPPED / (f"{stem}@.service" if at else name)
        self.settings: dict[str, list[str]] = {}
        for line in self.file.read_text("utf-8").splitlines():
            key, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                value = value.replace("%i", self.instance)
                self.settings.setdefault(key, []).append(value)

    def environment(self, etc: Path, given: Path | None = None) -> dict[str, str]:
        """What its processes get; ``/etc/jishi`` is `etc`, its credentials are in `given`."""
        found = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "LANG": "C.UTF-8"}
        for line in self.settings.get("Environment", []):
            words = (word.replace("%d", str(given)) for word in shlex.split(line))
            found |= dict(word.split("=", 1) for word in words)
        for file in self.settings.get("EnvironmentFile", []):
            for line in (etc / Path(file).relative_to("/etc/jishi")).read_text().splitlines():
                if line and not line.startswith("#"):
                    name, value = line.split("=", 1)
                    found[name] = value
        return found

    def commands(self, places: Mapping[str, str]) -> list[list[str]]:
        """Its ExecStart lines, each as words.

        Args:
            places: Paths of a host, and where they are here.
        """
        lines = []
        for line in self.settings["ExecStart"]:
            words = shlex.split(line)
            assert words[0] == COMMAND
            for shipped, here in places.items():
                words = [re.sub(rf"^{re.escape(shipped)}", lambda _: here, word) for word in words]  # noqa: B023
            lines.append([str(ROOT / ".venv/bin/jishi"), *words[1:]])
        return lines

    def start(
        self, etc: Path, places: Mapping[str, str], log: Path, **more: str
    ) -> subprocess.Popen[bytes]:
        """Its one command, running.

        Args:
            etc: ``/etc/jishi``.
            places: As for `commands`.
            log: Where it writes what it says.
            more: Settings of its environment that are the test's own.
        """
        (command,) = self.commands(places)
        given = log.with_suffix(".credentials")
        credentials(self, etc, given)
        denied = "MemoryDenyWriteExecute" in self.settings
        with log.open("ab") as file:
            return subprocess.Popen(
                command,
                preexec_fn=_deny_writable_code if denied else None,
                env=self.environment(etc, given) | more,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd="/",
            )


def _deny_writable_code() -> None:
    """MemoryDenyWriteExecute=, which outlives exec; older kernels know no such thing."""
    pr_set_mdwe, refuse_exec_gain = 65, 1
    _LIBC.prctl(pr_set_mdwe, refuse_exec_gain, 0, 0, 0)


def credentials(unit: Unit, etc: Path, folder: Path) -> None:
    """What LoadCredential= puts into a folder that the unit alone reads.

    A folder's files are called after it and themselves; what has no path is in /etc/credstore,
    which is beside `etc`, or missing.
    """
    folder.mkdir(mode=0o700)
    for line in unit.settings.get("LoadCredential", []):
        name, _, file = line.partition(":")
        source = etc / Path(file).relative_to("/etc/jishi") if file else etc.parent / name
        found = {f"{name}_{one.name}": one for one in source.iterdir()} if source.is_dir() else {}
        if not found and (file or source.exists()):
            found = {name: source}
        for credential, path in found.items():
            (folder / credential).write_bytes(path.read_bytes())
            os.chmod(folder / credential, 0o400)
