"""Both servers together: their ends, whatever happens to those who started them."""

import json
import os
import pwd
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from stack import InUseError, LocalStack, Programs, Settings, StackError
from stack.account import Account, unreachable_part
from stack.fetch import find_programs
from tests.integration.stack.support import Connect, eventually

ROOT = Path(__file__).parents[3]


class Process(NamedTuple):
    """A process as it was met: its number alone is soon another's on a busy machine."""

    pid: int
    parent: int
    born: int
    ended: bool


def met(pid: int) -> Process:
    """What stands at `pid` now.

    Raises:
        OSError: Nothing does.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Process(pid, int(fields[1]), int(fields[19]), fields[0] in ("Z", "X"))


def alive(process: Process) -> bool:
    try:
        now = met(process.pid)
    except OSError:
        return False
    return now.born == process.born and not now.ended


def tree_below(pid: int) -> dict[int, Process]:
    """`pid` and all processes below it."""
    there = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            there[int(path.name)] = met(int(path.name))
    found = {pid}
    while more := {one.pid for one in there.values() if one.parent in found} - found:
        found |= more
    return {pid: there[pid] for pid in found}


def started_since(before: dict[int, Process]) -> list[Process]:
    """Processes below this one that were not there before, nor come from one that was.

    The servers of other tests run on below this process, and begin sessions and workers as
    they please.
    """
    there = tree_below(os.getpid())
    new = {pid: one for pid, one in there.items() if pid not in before}
    while strangers := {pid for pid, one in new.items() if one.parent not in {os.getpid(), *new}}:
        for pid in strangers:
            del new[pid]
    return [*new.values()]


@contextmanager
def another_process(
    *options: str, prefix: tuple[str, ...] = (), env: dict[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    """`python -m stack run` and what it says about itself."""
    with subprocess.Popen(
        [*prefix, sys.executable, "-m", "stack", "run", "--fast", *options],
        cwd=ROOT, stdout=subprocess.PIPE, env=env,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "it ended before it was ready"
        try:
            yield process, json.loads(line)
        finally:
            process.kill()


def test_everything_of_a_temporary_stack_goes(connect: Connect) -> None:
    before = tree_below(os.getpid())
    with LocalStack(durable=False) as stack:
        with psycopg.connect(stack.database_url) as connection:
            connection.execute("CREATE TABLE t AS SELECT 1 AS v")
        assert connect(stack.broker, stack.broker.ingest).refusal is None
        folder, started = stack.folder, started_since(before)
        assert len(started) > 4
    assert not folder.exists()
    assert not [one for one in started if alive(one)]
    stack.stop()  # once more does nothing


def test_two_stacks_side_by_side() -> None:
    with LocalStack(durable=False) as one, LocalStack(durable=False) as two:
        assert one.database_url != two.database_url
        assert one.mqtt_port != two.mqtt_port
        assert one.broker.ingest_client_id != two.broker.ingest_client_id
        one.stop()
        with psycopg.connect(two.database_url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_given_folder_is_kept(tmp_path: Path) -> None:
    stack = LocalStack(tmp_path / "data", durable=False)
    with stack:
        ingest = stack.broker.ingest
        with psycopg.connect(stack.database_url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS v")
        with pytest.raises(InUseError, match=f"process {os.getpid()}"):
            LocalStack(tmp_path / "data").start()
        assert stack.broker.running()
    with LocalStack(tmp_path / "data", durable=False) as again:
        assert again.broker.ingest == ingest
        with psycopg.connect(again.database_url) as connection:
            assert connection.execute("SELECT v FROM kept").fetchone() == (42,)


def test_a_given_database_is_used(tmp_path: Path) -> None:
    settings = Settings.from_environ({**os.environ, "JISHI_DATABASE_URL": "postgresql://there"})
    with LocalStack(settings=settings) as stack:
        assert stack.postgres is None
        assert stack.database_url == "postgresql://there"
        assert stack.broker.running()


def test_servers_outlive_the_thread_that_started_them() -> None:
    stack = LocalStack(durable=False)
    thread = threading.Thread(target=stack.start)
    thread.start()
    thread.join()
    try:
        assert stack.postgres is not None
        # Time for a signal to arrive: nothing else can show that none was sent.
        threading.Event().wait(0.3)
        assert stack.postgres.running()
        assert stack.broker.running()
    finally:
        stack.stop()


@pytest.mark.parametrize(
    "signal_",
    [pytest.param(signal.SIGTERM, id="SIGTERM"), pytest.param(signal.SIGKILL, id="kill -9")],
)
def test_no_process_outlives_its_parent(signal_: signal.Signals) -> None:
    with another_process() as (process, said):
        started = tree_below(process.pid).values()
        assert len(started) > 8
        process.send_signal(signal_)
        eventually(lambda: not [one for one in started if alive(one)])
        eventually(lambda: not Path(said["folder"]).exists())


def test_a_killed_stacks_folder_is_free_at_once(tmp_path: Path) -> None:
    with another_process("--data-dir", str(tmp_path)) as (process, said):
        port = said["mqtt"]["port"]
        process.kill()
        with LocalStack(tmp_path, durable=False, mqtt_port=port) as stack:
            assert stack.mqtt_port == port
            assert stack.broker.ingest.password == said["ingest"]["password"]
    assert not list(tmp_path.glob("*.lock"))


def test_no_server_outlives_its_supervisor(tmp_path: Path) -> None:
    stack = LocalStack(tmp_path, durable=False).start()
    try:
        assert stack.postgres is not None
        servers = [met(stack.postgres.pid), met(stack.broker.pid)]
        for server in servers:
            os.kill(server.parent, signal.SIGKILL)
        eventually(lambda: not any(alive(server) for server in servers))
        assert not stack.broker.running()
    finally:
        stack.stop()


def test_nothing_stays_when_one_server_cannot_start(tmp_path: Path) -> None:
    with LocalStack(durable=False) as other:
        before = tree_below(os.getpid())
        # A session of the other's, begun while one looks: no server that was left behind.
        with psycopg.connect(other.database_url):
            stack = LocalStack(tmp_path, durable=False, mqtt_port=other.mqtt_port)
            with pytest.raises(InUseError, match=f"{other.mqtt_port} taken"):
                stack.start()
            assert not [one for one in started_since(before) if alive(one)]
    assert not list(tmp_path.glob("*.lock"))


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs every other test")
def test_an_ordinary_user_can_run_it(programs: Programs, tmp_path: Path) -> None:
    entry = pwd.getpwnam("nobody")
    nobody = Account(name="nobody", uid=entry.pw_uid, gid=entry.pw_gid)
    # The environment's interpreter is a link; where it leads to may be closed (root's pyenv).
    closed = unreachable_part(Path(sys.executable).resolve(), nobody) or unreachable_part(
        ROOT, nobody
    )
    if closed:
        pytest.skip(f"{closed} is closed to ordinary users")
    who = ("setpriv", "--reuid", "nobody", "--regid", str(nobody.gid), "--clear-groups")
    env = {
        "HOME": "/nonexistent",
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "JISHI_POSTGRES_BIN": str(programs.postgres.bin),
        "JISHI_MOSQUITTO": str(programs.mosquitto.mosquitto),
    }
    with another_process(prefix=who, env=env) as (process, said):
        started = tree_below(process.pid).values()
        with psycopg.connect(said["database_url"]) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        process.terminate()
        assert process.wait(30) == 130
        assert not [one for one in started if alive(one)]
        assert not Path(said["folder"]).exists()


def test_root_cannot_be_the_servers_account() -> None:
    settings = Settings.from_environ({**os.environ, "JISHI_STACK_ACCOUNT": "root"})
    if os.geteuid() != 0:
        pytest.skip("an ordinary user's servers run as that user")
    with pytest.raises(StackError, match="refuses to run as root"):
        LocalStack(settings=settings).start()


def test_fetched_programs_serve_as_a_given_folder(programs: Programs) -> None:
    if programs.mosquitto.origin != "fetched":
        pytest.skip("this machine has servers of its own")
    folder = programs.mosquitto.mosquitto.parents[1]
    found = find_programs(Settings.from_environ({"JISHI_STACK_DIR": str(folder)}))
    assert (found.postgres.origin, found.mosquitto.origin) == ("given", "given")
    assert found.postgres.bin == programs.postgres.bin


def test_help_names_every_variable() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stack", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "JISHI_DEBIAN_MIRROR" in done.stdout
    assert "JISHI_DATABASE_URL" in done.stdout
