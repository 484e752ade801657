"""The shipped script that makes the broker's first account, run as it stands."""

import os
import subprocess
from pathlib import Path

import pytest

from stack.fetch import find_mosquitto
from stack.settings import Settings
from tests.unit.deploy.test_compose import SERVICES, script

SECRET = "0123456789abcdef0123456789abcdef0123456789abcdef"


def run(folder: Path, secret: bytes) -> subprocess.CompletedProcess[str]:
    """The script with its two paths put below `folder`, and the account of the image left out."""
    (folder / "data").mkdir(exist_ok=True)
    (folder / "secret").write_bytes(secret)
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "chown").write_text("#!/bin/sh\n")
    (tools / "chown").chmod(0o755)
    text = script(SERVICES["broker-accounts"])
    text = text.replace("/mosquitto/data", str(folder / "data"))
    text = text.replace("/run/secrets/mqtt_ingest", str(folder / "secret"))
    programs = find_mosquitto(Settings()).mosquitto.resolve()
    bins = f"{programs.parent}:{programs.parents[1] / 'usr/bin'}:{programs.parents[1] / 'bin'}"
    path = f"{tools}:{bins}:{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-c", text], env={"PATH": path}, capture_output=True, text=True, check=False
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
