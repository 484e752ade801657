"""Which PostgreSQL and Mosquitto to run: given, found on this machine, or fetched.

The first that holds: the settings' own places; a local PostgreSQL with TimescaleDB and a
local Mosquitto; Debian 13's packages in the cache folder (`debian.py`). Starting them is in
`postgres.py` and `mosquitto.py`.
"""

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stack import debian, progress, sources
from stack.account import Account, server_account, unreachable_part
from stack.errors import StackError
from stack.settings import Settings

MINIMUM_POSTGRES = 17
MINIMUM_MOSQUITTO = (2, 0)
#: Where root keeps what its own cache folder would hide from the servers' account.
MACHINE_CACHE = Path("/var/cache/jishi")


@dataclass(frozen=True, kw_only=True, slots=True)
class PostgresPrograms:
    """One PostgreSQL with TimescaleDB."""

    bin: Path
    version: str
    origin: str

    @property
    def initdb(self) -> Path:
        """Creates a database cluster."""
        return self.bin / "initdb"

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.bin / "postgres"


@dataclass(frozen=True, kw_only=True, slots=True)
class MosquittoPrograms:
    """One Mosquitto broker, with its clients if they are there."""

    mosquitto: Path
    clients: Path | None  # folder of mosquitto_pub and mosquitto_sub
    version: str
    origin: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Programs:
    """All that a local stack runs."""

    postgres: PostgresPrograms
    mosquitto: MosquittoPrograms


def find_programs(settings: Settings) -> Programs:
    """Find the programs, or fetch them into the cache.

    Raises:
        StackError: Nothing usable is here and fetching failed; says what would help.
    """
    return Programs(postgres=find_postgres(settings), mosquitto=find_mosquitto(settings))


def find_postgres(settings: Settings) -> PostgresPrograms:
    """A PostgreSQL of at least version 17 that has TimescaleDB, fetched if need be."""
    account = server_account(settings.account)
    given = settings.postgres_bin or (settings.stack_dir and settings.stack_dir / "bin")
    if given:
        name = "JISHI_POSTGRES_BIN" if settings.postgres_bin else "JISHI_STACK_DIR"
        return _given_postgres(given, name, account)
    for folder in _local_postgres_folders(settings):
        found = _postgres_at(folder, "local", account)
        if found:
            return found
    return _fetched_postgres(_fetched(settings, account), account)


def find_mosquitto(settings: Settings) -> MosquittoPrograms:
    """A Mosquitto of at least version 2.0, fetched if need be."""
    account = server_account(settings.account)
    given = settings.mosquitto or (settings.stack_dir and settings.stack_dir / "bin/mosquitto")
    if given:
        name = "JISHI_MOSQUITTO" if settings.mosquitto else "JISHI_STACK_DIR"
        found = _mosquitto_at(given, "given", account)
        if found is None:
            raise StackError(
                f"{name}: {given} is no Mosquitto 2.0 or newer that account {account.name} can run",
                remedy=f"correct or unset {name}",
            )
        return found
    # Debian keeps it in /usr/sbin, which is on root's PATH only.
    local = shutil.which("mosquitto", path=f"{settings.search_path}:/usr/local/sbin:/usr/sbin")
    if local and (found := _mosquitto_at(Path(local), "local", account)):
        return found
    folder = _fetched(settings, account)
    found = _mosquitto_at(folder / "bin/mosquitto", "fetched", account)
    if found is None:
        raise _broken(folder)
    return found


def _given_postgres(folder: Path, setting: str, account: Account) -> PostgresPrograms:
    found = _postgres_at(folder, "given", account)
    if found is None:
        raise StackError(
            f"{setting}: {folder} has no PostgreSQL {MINIMUM_POSTGRES} or newer with TimescaleDB "
            f"that account {account.name} can run",
            remedy=f"correct or unset {setting}",
        )
    return found


def _fetched_postgres(folder: Path, account: Account) -> PostgresPrograms:
    for candidate in folder.glob("usr/lib/postgresql/*/bin"):
        found = _postgres_at(candidate, "fetched", account)
        if found:
            return found
    raise _broken(folder)


def _broken(folder: Path) -> StackError:
    return StackError(
        f"the programs in {folder} do not run (a file system mounted noexec, or files missing?)",
        remedy=f"rm -r {folder} and run again, or export JISHI_CACHE_DIR=<another folder>",
    )


def _local_postgres_folders(settings: Settings) -> Iterator[Path]:
    """Folders of server programs: pg_config's, PATH's, then Debian's, newest first."""
    pg_config = shutil.which("pg_config", path=settings.search_path)
    if pg_config:
        done = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True)
        if done.returncode == 0 and done.stdout.strip():
            yield Path(done.stdout.strip())
    on_path = shutil.which("postgres", path=settings.search_path)
    if on_path:
        yield Path(on_path).resolve().parent
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(
        (folder for folder in installed if folder.parent.name.isdigit()),
        key=lambda folder: int(folder.parent.name),
        reverse=True,
    )


def _postgres_at(folder: Path, origin: str, account: Account) -> PostgresPrograms | None:
    folder = (folder / "postgres").resolve().parent  # past bin/'s links
    version = _output(folder / "postgres", "--version", account)
    match = re.search(r"PostgreSQL\) (\d+)(\S*)", version or "")
    if match is None or int(match[1]) < MINIMUM_POSTGRES or not (folder / "initdb").exists():
        return None
    if not any((share / "timescaledb.control").exists() for share in _extension_folders(folder)):
        return None
    return PostgresPrograms(bin=folder, version=match[1] + match[2], origin=origin)


def _extension_folders(folder: Path) -> Iterator[Path]:
    """Where the server in `folder` may look for extensions; pg_config need not be there."""
    major = folder.parent.name
    yield folder.parents[3] / "share/postgresql" / major / "extension"  # Debian
    yield folder.parent / "share/postgresql/extension"  # built from source
    yield folder.parent / "share/extension"
    pg_config = folder / "pg_config"
    if pg_config.exists():
        done = subprocess.run([pg_config, "--sharedir"], capture_output=True, text=True)
        if done.returncode == 0:
            yield Path(done.stdout.strip()) / "extension"


def _mosquitto_at(program: Path, origin: str, account: Account) -> MosquittoPrograms | None:
    match = re.search(r"version (\d+)\.(\d+)(\S*)", _output(program, "-h", account) or "")
    if match is None or (int(match[1]), int(match[2])) < MINIMUM_MOSQUITTO:
        return None
    beside = [program.parent, program.parent.parent / "bin"]
    clients = next((p for p in beside if (p / "mosquitto_pub").exists()), None)
    return MosquittoPrograms(
        mosquitto=program, clients=clients, version=".".join(match.groups()[:2]) + match[3],
        origin=origin,
    )  # fmt: skip


def _output(program: Path, option: str, account: Account) -> str | None:
    """What a program says about itself, or `None` where `account` cannot run it."""
    if not program.exists() or unreachable_part(program.resolve(), account):
        return None
    try:
        done = subprocess.run([program, option], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout + done.stderr


def _fetched(settings: Settings, account: Account) -> Path:
    name = debian.folder_name(debian.architecture())
    candidates = [folder / name for folder in _cache_folders(settings, account)]
    if not settings.cache_dir and _is_roots(MACHINE_CACHE):
        candidates.append(MACHINE_CACHE / name)  # as good as our own
    for folder in candidates:
        if debian.is_complete(folder):
            return folder
    folder = candidates[0]
    mirrors = [settings.debian_mirror.rstrip("/")] if settings.debian_mirror else []
    with progress.shown() as display:
        debian.fetch(folder, mirrors=mirrors or sources.system_mirrors(), progress=display)
    return folder


def _is_roots(folder: Path) -> bool:
    try:
        info = folder.lstat()
    except OSError:
        return False
    return info.st_uid == 0 and stat.S_ISDIR(info.st_mode) and not info.st_mode & 0o022


def _cache_folders(settings: Settings, account: Account) -> list[Path]:
    """Folders that may hold the fetched programs, best first.

    Root's servers run as another account, which can rarely enter root's own cache folder, so
    root falls back to the machine's.

    Raises:
        StackError: None can be made, or `account` can enter none.
    """
    # The last resort is a folder that anyone could have made: hence the checks below.
    last = Path("/var/tmp") / f"jishi-{os.geteuid()}"  # noqa: S108
    if settings.cache_dir:
        wanted = [settings.cache_dir]
    else:
        home = [Path.home() / ".cache"] if "HOME" in os.environ else []
        own = [settings.xdg_cache_home] if settings.xdg_cache_home else home
        machine = [MACHINE_CACHE] if os.geteuid() == 0 else []
        wanted = [*(place / "jishi" for place in own), *machine, last]
    refusals: list[str] = []
    for folder in wanted:
        try:
            if not folder.exists():
                folder.mkdir(parents=True)
                folder.chmod(0o755)  # whatever the umask: root's servers run as another account
            info = folder.lstat() if folder == last else folder.stat()
        except OSError as error:
            refusals.append(f"{folder}: {error.strerror}")
            continue
        closed = unreachable_part(folder, account)
        if closed:
            refusals.append(f"{folder}: account {account.name} may not enter {closed}")
        elif info.st_uid != os.geteuid() or info.st_mode & 0o022:
            # Whoever can write here could put programs in our place.
            refusals.append(f"{folder}: others can write there, or own it")
        elif not os.access(folder, os.W_OK):
            refusals.append(f"{folder}: not writable")
        else:
            return [folder]
    raise StackError(
        "no folder to keep the local servers in:\n  " + "\n  ".join(refusals),
        remedy="export JISHI_CACHE_DIR=<a folder of yours that others may enter but not write>",
    )
