"""Locks, ports and accounts, without a server."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from stack.account import Account, make_private_dir, unreachable_part, write_private
from stack.errors import InUseError
from stack.lifecycle import HOST, Lock, hold_port, ports

#: Of each kind; were held ones given away, some of so many would be.
MANY_PORTS = 400
STRANGER = Account(name="stranger", uid=54_321, gid=54_321)
HOLD = """
import sys, time
from pathlib import Path
from stack.lifecycle import Lock
lock = Lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_lock_is_exclusive_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = Lock(path)
    with pytest.raises(InUseError, match=f"process {os.getpid()}"):
        Lock(path)
    first.release()
    assert not path.exists()
    Lock(path).release()


def test_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, cwd=Path.cwd()
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(InUseError, match=f"process {holder.pid}"):
            Lock(path)
        holder.kill()
    assert path.exists()  # nobody was left to remove it
    Lock(path).release()


def test_lock_on_a_removed_file_is_not_taken_for_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = Lock(path)
    path.unlink()
    second = Lock(path)  # a new file: the first one's lock is on nothing by now
    assert path.exists()
    second.release()
    first.release()


def test_wanted_port_is_the_only_candidate() -> None:
    assert list(ports(1883)) == [1883]


def test_free_ports_are_free_while_they_are_tried() -> None:
    for port in ports(None):
        with socket.socket() as probe:
            probe.bind((HOST, port))


def test_a_held_port_is_given_to_nobody_else() -> None:
    with hold_port() as held:
        port = held.getsockname()[1]
        with pytest.raises(OSError, match="in use"), socket.socket() as stranger:
            stranger.bind((HOST, port))
        for _ in range(2):  # who is told of it starts as often as it likes
            with (
                socket.create_server((HOST, port)) as listening,
                socket.create_connection((HOST, port)),
            ):
                listening.accept()[0].close()
    with socket.create_server((HOST, 0)) as listening, contextlib.ExitStack() as open_ones:
        ports_held = {
            open_ones.enter_context(hold_port()).getsockname()[1] for _ in range(MANY_PORTS)
        }
        for _ in range(MANY_PORTS):  # the kernel's choice, of one range of ports
            leaving = open_ones.enter_context(socket.create_connection(listening.getsockname()))
            open_ones.enter_context(listening.accept()[0])
            assert leaving.getsockname()[1] not in ports_held


def test_write_private_replaces_without_following_links(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("kept")
    link.symlink_to(target)
    write_private(link, "new")
    assert target.read_text() == "kept"
    assert link.read_text() == "new"
    assert link.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "target"]


def test_private_dir(tmp_path: Path) -> None:
    me = Account(name="me", uid=os.geteuid(), gid=os.getegid())
    make_private_dir(tmp_path / "a" / "b", me)
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_unreachable_part_names_the_closed_folder(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "inner").mkdir(parents=True)
    closed.chmod(0o700)
    found = unreachable_part(closed / "inner", STRANGER)
    # Temporary folders of the test run are closed themselves on most machines.
    assert found is not None
    assert found == closed or found in closed.parents
    assert unreachable_part(Path("/usr/bin"), STRANGER) is None


def test_unreachable_part_names_what_is_missing() -> None:
    assert unreachable_part(Path("/usr/missing/x"), STRANGER) == Path("/usr/missing")
