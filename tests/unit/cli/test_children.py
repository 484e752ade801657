"""Parts as child processes: what they announce, and what they are started with again."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from cli.children import Child, ChildError

PART = """
import json, os, signal
print(json.dumps({"port": os.environ["JISHI_API_PORT"]}), flush=True)
signal.pause()
"""


def test_a_part_comes_back_to_its_port(tmp_path: Path) -> None:
    (tmp_path / "part.py").write_text(PART)
    log = tmp_path / "log"
    child = Child("part", {**os.environ, "JISHI_API_PORT": "0"}, tmp_path, log)
    for port in ("0", "4711"):
        child.start()
        assert announced(child) == {"port": port}
        child.keep(api_port=4711)
        child.stop(10)
        assert child.pid is None


def announced(child: Child) -> dict[str, Any]:
    """What it says next; the end of an earlier run is told as well."""
    with suppress(ChildError):
        return child.wait_ready(30)
    return child.wait_ready(30)
