"""Prometheus and what belongs to it, as programs: the system's, or Debian's from the cache."""

import functools
import os
import subprocess
from pathlib import Path

from tests.lacking import Part, lacking
from tests.unpacked import Program, Unavailable, find

DEPLOY = Path(__file__).parents[1] / "deploy"
SHIPPED = DEPLOY / "prometheus"


@functools.cache
def _found(name: str) -> Program | Unavailable:
    try:
        return find([name], package=name, program=f"usr/bin/{name}")
    except Unavailable as reason:
        return reason


def program(name: str = "prometheus") -> Program:
    """A program by its package's name; the test that asks is skipped where it cannot be had."""
    found = _found(name)
    if isinstance(found, Unavailable):
        lacking(Part.PROMETHEUS, str(found))
    return found


def promtool(
    *arguments: str | Path, given: str | None = None, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs promtool; its exit status is the caller's to judge."""
    prometheus = program()
    return subprocess.run(
        [prometheus.program.with_name("promtool"), *arguments],
        input=given,
        cwd=folder,
        env={**os.environ, **prometheus.environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
