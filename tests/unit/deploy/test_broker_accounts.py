"""The shipped script that makes the broker's first account, run as it stands."""

import getpass
import os
import subprocess
from pathlib import Path

import pytest

from stack.fetch import find_mosquitto
from stack.settings import Settings

MAKE_ACCOUNTS = Path(__file__).parents[3] / "deploy/mosquitto/make-accounts"
SECRET = "0123456789abcdef0123456789abcdef0123456789abcdef"


def run(folder: Path, secret: bytes) -> subprocess.CompletedProcess[str]:
    """The script with files below `folder`, for our own account instead of the broker's."""
    (folder / "data").mkdir(exist_ok=True)
    (folder / "mqtt_ingest").write_bytes(secret)
    programs = find_mosquitto(Settings()).mosquitto.resolve()
    bins = f"{programs.parent}:{programs.parents[1] / 'usr/bin'}:{programs.parents[1] / 'bin'}"
    return subprocess.run(
        [MAKE_ACCOUNTS, folder / "mqtt_ingest", folder / "data", getpass.getuser()],
        env={"PATH": f"{bins}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_secret_is_hashed_with_and_without_a_newline(tmp_path: Path, end: str) -> None:
    done = run(tmp_path, (SECRET + end).encode())
    assert done.returncode == 0, done.stderr
    for name in ("passwords", "passwords.base"):
        text = (tmp_path / "data" / name).read_text("utf-8")
        names = [line.split(":$7$")[0] for line in text.splitlines()]
        assert names == ["jishi.ingest", *(f"jishi.ingest.{number}" for number in range(2, 9))]
        assert SECRET not in text
        assert (tmp_path / "data" / name).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("secret", [b"", b"\n", b"a:b\n", b"a\nb\n", b"abc\r\n"])
def test_a_secret_that_cannot_be_one_changes_nothing(tmp_path: Path, secret: bytes) -> None:
    assert run(tmp_path, SECRET.encode()).returncode == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()}
    done = run(tmp_path, secret)
    assert done.returncode == 1
    assert "mqtt_ingest" in done.stderr
    assert "openssl rand -hex 24" in done.stderr
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()}
