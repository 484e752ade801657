"""Fetching from a mirror: what is refused, and that two first runs at once share one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stack import Settings, StackError, debian
from stack.progress import Quiet
from stack.sources import system_mirrors

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def needs_apt() -> None:
    try:
        debian.architecture()
    except StackError:
        pytest.skip("no apt on this machine")


def test_an_unsigned_mirror_is_refused(tmp_path: Path) -> None:
    release = tmp_path / "mirror/dists" / debian.RELEASE / "Release"
    release.parent.mkdir(parents=True)
    release.write_text(f"Codename: {debian.RELEASE}\nComponents: main\nArchitectures: amd64\n")
    with pytest.raises(StackError, match=r"(?s)not signed.*debian-archive-keyring"):
        debian.fetch(tmp_path / "stack", mirrors=[f"file:{tmp_path}/mirror"], progress=Quiet())
    assert not (tmp_path / "stack").exists()


def test_a_mirror_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"(?s)file:/nowhere.*JISHI_DEBIAN_MIRROR"):
        debian.fetch(tmp_path / "stack", mirrors=["file:/nowhere"], progress=Quiet())


def test_without_a_mirror_the_setting_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="JISHI_DEBIAN_MIRROR"):
        debian.fetch(tmp_path / "stack", mirrors=[], progress=Quiet())


@pytest.mark.slow
def test_two_first_runs_at_once_download_once(tmp_path: Path) -> None:
    mirror = Settings.from_environ(os.environ).debian_mirror
    if not mirror and not system_mirrors():
        pytest.skip("apt names no Debian mirror here")
    cache = tmp_path / "cache"
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)  # the servers' account must get there
    command = [sys.executable, "-m", "stack", "fetch"]
    environment = {**os.environ, "JISHI_CACHE_DIR": str(cache)}
    both = [
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    said = [process.communicate(timeout=600) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("downloading" in complaints for _, complaints in said) == 1
    folder = cache / debian.folder_name(debian.architecture())
    assert debian.is_complete(folder)
    assert {path.name for path in cache.iterdir()} == {folder.name, f"{folder.name}.lock"}
