"""A file of many records holds few of them in memory."""

import io
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

import profiles
from reports.render import render
from tests.report_city import PERIOD, records

ROOT = Path(__file__).parents[3]
FORMS = [(name, form) for name, one in profiles.shipped().items() for form in one.document.forms]
SCRIPT = """
import sys
import profiles
from reports.render import render
from tests.report_city import PERIOD, records
from tests.unit.reports.test_memory import Nowhere

def held():
    # Not getrusage: its maximum begins with what the parent held when it made this process.
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024

name, form, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
profile = profiles.shipped()[name]
render(profile, records(500), PERIOD, {}, {}, Nowhere(), form=form)  # all that is loaded once
before = held()
assert render(profile, records(number, number // 400), PERIOD, {}, {}, Nowhere(), form=form)
print(before, held())
"""


class Nowhere(io.RawIOBase):
    """Counts what is written to it and forgets it."""

    written = 0

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self.written += len(piece)
        return len(piece)


def grown(name: str, form: str, number: int) -> tuple[int, int]:
    """What a process of its own held at most before and after (MiB)."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, name, form, str(number)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    before, after = map(int, done.stdout.split())
    return before, after


def test_memory_does_not_grow_with_the_records() -> None:
    profile = profiles.shipped()["records"]
    render(profile, records(2_100), PERIOD, {}, {}, Nowhere(), form="json")  # caches, once
    tracemalloc.start()
    try:
        out = Nowhere()
        render(profile, records(2_100), PERIOD, {}, {}, out, form="json")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert out.written > 2_400_000
    assert peak < 600_000, "the file, let alone its records, is never held as a whole"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "form"), FORMS)
def test_300_000_records_stay_far_below_250_mib(name: str, form: str) -> None:
    before, after = grown(name, form, 300_000)
    print(f"\n{name} as {form}: {before} MiB, then {after} MiB")
    assert after < 250
    assert after - before < 100
