"""Back to an instant before a mistake, with the tools and settings of `docs/backup.md`."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from migrations.runner import migrate
from stack import Postgres, Settings
from stack.account import make_private_dir, server_account
from stack.fetch import PostgresPrograms, find_postgres
from tests.live import until
from tests.small_city import answers, build


def base_backup(primary: Postgres, programs: PostgresPrograms, folder: Path) -> None:
    account = server_account()
    folder.mkdir(mode=0o700)
    make_private_dir(folder / "postgres", account)
    subprocess.run(
        [
            programs.bin / "pg_basebackup",
            *("-h", "127.0.0.1", "-p", str(primary.port), "-U", "jishi"),
            *("-D", "/proc/self/cwd", "-X", "stream", "--checkpoint=fast"),
        ],
        cwd=folder / "postgres",
        env={**os.environ, "PGPASSWORD": urlsplit(primary.url).password or ""},
        user=account.uid if os.geteuid() == 0 else None,
        group=account.gid if os.geteuid() == 0 else None,
        check=True,
    )
    password = primary.data_directory.with_name("postgres.password")
    shutil.copyfile(password, folder / "postgres.password")
    (folder / "postgres.password").chmod(0o600)


@pytest.fixture
def wal() -> Iterator[Path]:
    """An archive that the server's account can write, wherever the other files lie."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.mark.slow
def test_back_to_the_instant_before_a_mistake(tmp_path: Path, wal: Path) -> None:
    programs = find_postgres(Settings.from_environ(os.environ))
    base = tmp_path / "base"
    with Postgres(programs, tmp_path / "city") as city:
        with psycopg.connect(city.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET archive_mode = on")
            archive = f"test ! -f {wal}/%f && cp %p {wal}/.%f && mv {wal}/.%f {wal}/%f"
            connection.execute(f"ALTER SYSTEM SET archive_command = '{archive}'")
        city.restart()
        migrate(city.url)
        base_backup(city, programs, base)
        # All of the city comes after the base backup: it is the log that brings it back.
        key = build(city.url)
        told = answers(city.url, key)
        with psycopg.connect(city.url, autocommit=True) as connection:
            time.sleep(0.1)
            row = connection.execute("SELECT clock_timestamp()").fetchone()
            assert row is not None
            time.sleep(0.1)
            connection.execute("DELETE FROM segment")
            connection.execute("UPDATE instrument_version SET name = 'mistaken'")
            switched = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
            assert switched is not None
        until(lambda: (wal / str(switched[0])).exists())
    with (base / "postgres" / "postgresql.auto.conf").open("a") as conf:
        conf.write(
            f"archive_mode = off\nrestore_command = 'cp {wal}/%f %p'\n"
            f"recovery_target_time = '{row[0].isoformat()}'\n"
            "recovery_target_action = 'promote'\n"
        )
    signal = base / "postgres" / "recovery.signal"
    signal.touch()
    if os.geteuid() == 0:
        account = server_account()
        os.chown(signal, account.uid, account.gid)
    begun = time.monotonic()
    with Postgres(programs, base) as recovered:
        with psycopg.connect(recovered.url, autocommit=True) as connection:
            until(lambda: connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,))
        print(f"recovered after {time.monotonic() - begun:.1f} s")
        assert migrate(recovered.url) == []
        assert answers(recovered.url, key) == told
