"""What a process has no use for stays out of its memory."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("modules", "useless"),
    [
        pytest.param("ingest.service", "cryptography", id="without TLS and secrets"),
        pytest.param("ingest.service, api.app", "google.", id="without Sparkplug's nodes"),
    ],
)
def test_what_has_no_use_is_not_loaded(modules: str, useless: str) -> None:
    code = (
        f"import sys, {modules}\n"
        f"print([name for name in sys.modules if name.startswith({useless!r})])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
