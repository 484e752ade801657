"""PostgreSQL's own client programs, of the version that a server wants.

`pg_dump` refuses servers newer than itself, and an older server cannot read what a newer
`pg_restore` writes; so what is found here is of the server's own major version.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from stack.errors import StackError
from stack.fetch import MACHINE_CACHE
from stack.settings import Settings

PROGRAMS = ("pg_dump", "pg_restore")


def find_clients(major: int, settings: Settings) -> Path:
    """The folder of `pg_dump` and `pg_restore` of one major version.

    Args:
        major: Of the server that they are for.
        settings: Where to look first.

    Raises:
        StackError: There is none on this machine; says how to get it.
    """
    found: list[str] = []
    for folder in _folders(major, settings):
        version = _major(folder)
        if version == major:
            return folder
        if version is not None:
            found.append(f"{version} in {folder}")
    raise StackError(
        f"the server is PostgreSQL {major}, and there is no pg_dump and pg_restore {major} here"
        + (f" (found {', '.join(found)})" if found else ""),
        remedy=f"apt-get install postgresql-client-{major}, or name the folder that has them:"
        " JISHI_POSTGRES_BIN",
    )


def _folders(major: int, settings: Settings) -> Iterator[Path]:
    if settings.postgres_bin:
        yield settings.postgres_bin
    if settings.stack_dir:
        yield settings.stack_dir / "bin"
    yield Path(f"/usr/lib/postgresql/{major}/bin")
    on_path = shutil.which("pg_dump", path=settings.search_path)
    if on_path:
        yield Path(on_path).parent
    home = settings.xdg_cache_home or Path.home() / ".cache"
    for cache in (settings.cache_dir, home / "jishi", MACHINE_CACHE):
        if cache is not None:
            yield from sorted(cache.glob("stack-*/bin"), reverse=True)


def _major(folder: Path) -> int | None:
    """The version of both programs in a folder; none where one is missing or does not run."""
    versions = set()
    for program in PROGRAMS:
        try:
            done = subprocess.run(
                [folder / program, "--version"], capture_output=True, text=True, timeout=30
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        match = re.search(r"PostgreSQL\) (\d+)", done.stdout)
        versions.add(int(match[1]) if match else None)
    return versions.pop() if len(versions) == 1 else None
