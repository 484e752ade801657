"""Files that are there whole, or not at all: also where there is no place, and after a kill."""

import errno
import os
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import pytest

from reports.folder import write_whole

ROOT = Path(__file__).resolve().parents[3]


def there(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_whole_with_its_digest_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "inst-1" / "period-7" / "records.csv"
    for data in (b"a" * 3_000_000, b"b"):
        assert write_whole(path, lambda out, data=data: out.write(data)) == (  # type: ignore[misc]
            sha256(data).hexdigest()
        )
        assert path.read_bytes() == data
    assert there(path.parent) == ["records.csv"]


def test_what_fails_in_the_middle_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "records.csv"
    path.write_text("old")

    def fill(out: BinaryIO) -> None:
        out.write(b"new")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left"):
        write_whole(path, fill)
    assert path.read_text() == "old"
    assert there(tmp_path) == ["records.csv"]


def test_what_a_killed_one_left_is_swept_away_and_a_living_ones_is_not(tmp_path: Path) -> None:
    path = tmp_path / "records.csv"
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom reports.folder import write_whole\n"
        "def fill(out):\n    out.write(b'x' * 2_000_000)\n    print('filling', flush=True)\n"
        "    time.sleep(600)\n"
        "write_whole(Path(sys.argv[1]), fill)\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"filling\n"
    assert len(there(tmp_path)) == 1
    write_whole(path, lambda out: out.write(b"mine"))
    assert len(there(tmp_path)) == 2
    other.send_signal(signal.SIGKILL)
    other.wait()
    other.stdout.close()
    assert path.read_bytes() == b"mine"
    write_whole(path, lambda out: out.write(b"again"))
    assert there(tmp_path) == ["records.csv"]
