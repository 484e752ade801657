"""Programs to test with that this machine lacks: Debian's, unpacked into the cache.

The packages of this machine's own release fit its libraries, so what is missing beside them is
unpacked into a folder and named in ``LD_LIBRARY_PATH``; nothing is installed. The servers'
packages come the same way (`stack/debian.py`), of another release, which takes more.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stack.sources import system_mirrors


class Unavailable(Exception):  # noqa: N818 - the reason why tests are skipped
    """The program is not here and cannot be had; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program and the environment that it runs in."""

    program: Path
    environment: dict[str, str]


def find(
    names: Sequence[str], *, package: str, program: str, release: str | None = None
) -> Program:
    """The system's program, else Debian's from the cache, else fetched into it.

    Args:
        names: What it may be called on PATH; none: what is there is not what is meant.
        package: Debian's package that has it.
        program: Where it lies in that package.
        release: Debian's release to take it from, for what runs without any libraries; else
            this machine's own.

    Raises:
        Unavailable: None of these.
    """
    # Servers are in /usr/sbin, which is on root's PATH only.
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin"
    found = next(filter(None, (shutil.which(name, path=path) for name in names)), None)
    if found:
        return Program(program=Path(found), environment={})
    cache = Path(os.environ.get("JISHI_CACHE_DIR") or Path.home() / ".cache" / "jishi")
    folder = cache / (names[0] if names else package)
    if not (folder / "complete").exists():
        _fetch(folder, package, program, release)
    libraries = [
        path
        for path in sorted((folder / "usr/lib").glob("*-linux-gnu*"))
        for path in (path, *sorted(p for p in path.iterdir() if p.is_dir() and _has_libraries(p)))
    ]
    path = os.pathsep.join(map(str, libraries))
    return Program(program=folder / program, environment={"LD_LIBRARY_PATH": path} if path else {})


def _has_libraries(folder: Path) -> bool:
    return next(folder.glob("lib*.so*"), None) is not None


def _fetch(folder: Path, package: str, program: str, release: str | None) -> None:
    """Unpack a package and what the system lacks for it; of another release, it alone."""
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise Unavailable(f"no {package} on PATH, and no {tool} to fetch one")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "complete").exists():
            return
        work = folder.with_name(f"{folder.name}.partial")
        for part in ("lists/partial", "cache/archives/partial", "archives"):
            (work / part).mkdir(parents=True, exist_ok=True)
        options = [
            # The system's sources and its list of what is installed, read only; all else ours.
            f"-oDir::State::Lists={work}/lists",
            f"-oDir::Cache={work}/cache",
            "-oDebug::NoLocking=true",
            "-oAPT::Install-Recommends=false",
            "-oAPT::Update::Post-Invoke::=",
            "-oAPT::Sandbox::User=root",
            "-oAcquire::Retries=3",
            "-oAcquire::Languages=none",
        ]
        if release is not None:
            (work / "release.list").write_text(_source(release))
            options += [f"-oDir::Etc::SourceList={work}/release.list"]
            options += ["-oDir::Etc::SourceParts=/dev/null"]
        _run(["apt-get", "-q", *options, "update"], work)
        names = [package]
        if release is None:
            command = ["apt-get", "-qq", "-y", *options, "--print-uris", "install", package]
            listed = _run(command, work)
            files = [line.split()[1] for line in listed.splitlines() if line.startswith("'")]
            names = ["=".join(file.split("_")[:2]).replace("%3a", ":") for file in files]
        _run(["apt-get", "-q", *options, "download", *names], work / "archives")
        tree = work / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir()
        for file in sorted((work / "archives").glob("*.deb")):
            _run(["dpkg-deb", "-x", str(file), str(tree)], work)
        if not (tree / program).exists():
            raise Unavailable(f"Debian's {package} holds no {program}")
        (tree / "complete").touch()
        shutil.rmtree(folder, ignore_errors=True)
        tree.rename(folder)
        shutil.rmtree(work)


def _source(release: str) -> str:
    """A line of apt's for that release, from the mirror that this machine uses."""
    mirrors = system_mirrors()
    if not mirrors:
        raise Unavailable("not on PATH, and no Debian mirror is known here")
    key = "/usr/share/keyrings/debian-archive-keyring.gpg"
    return f"deb [signed-by={key}] {mirrors[0]} {release} main\n"


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise Unavailable(f"not on PATH, and {command[0]} fetched none: {' '.join(said)}")
    return done.stdout
