"""Parts as child processes: what they announce, where they listen, and how they end."""

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

from cli.children import Child, ChildError
from stack.lifecycle import hold_port

PART = """
import json, os, signal, socket
port = int(os.environ["JISHI_API_PORT"])
listening = socket.create_server(("127.0.0.1", port))
print(json.dumps({"port": port}), flush=True)
signal.pause()
"""


def test_a_part_comes_back_to_its_port(tmp_path: Path) -> None:
    (tmp_path / "part.py").write_text(PART)
    with hold_port() as held:
        port = held.getsockname()[1]
        child = Child(
            "part", {**os.environ, "JISHI_API_PORT": str(port)}, tmp_path, tmp_path / "log"
        )
        for _ in range(2):
            child.start()
            assert announced(child) == {"port": port}
            socket.create_connection(("127.0.0.1", port)).close()
            child.stop(10)
            assert child.pid is None


def announced(child: Child) -> dict[str, Any]:
    """What it says next; the end of an earlier run is told as well."""
    with suppress(ChildError):
        return child.wait_ready(30)
    return child.wait_ready(30)
