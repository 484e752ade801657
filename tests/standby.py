"""A standby of a PostgreSQL, made as an operator would: ``pg_basebackup -R``, then started."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from stack import Postgres
from stack.account import make_private_dir, server_account
from stack.fetch import PostgresPrograms


@contextmanager
def standby(primary: Postgres, programs: PostgresPrograms, folder: Path) -> Iterator[Postgres]:
    """A running standby that follows ``primary``; it has the same passwords."""
    account = server_account()
    folder.mkdir(mode=0o700)
    make_private_dir(folder / "postgres", account)
    password = urlsplit(primary.url).password or ""
    subprocess.run(
        [
            programs.bin / "pg_basebackup",
            *("-h", "127.0.0.1", "-p", str(primary.port), "-U", "jishi"),
            *("-D", "/proc/self/cwd", "-R", "-X", "stream", "--checkpoint=fast", "--no-sync"),
        ],
        cwd=folder / "postgres",
        env={**os.environ, "PGPASSWORD": password},
        user=account.uid if os.geteuid() == 0 else None,
        group=account.gid if os.geteuid() == 0 else None,
        check=True,
        capture_output=True,
    )
    shutil.copyfile(
        primary.data_directory.with_name("postgres.password"), folder / "postgres.password"
    )
    (folder / "postgres.password").chmod(0o600)
    with Postgres(programs, folder, durable=False) as server:
        yield server
