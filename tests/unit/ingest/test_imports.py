"""What a worker without TLS and without secrets has no use for stays out of its memory."""

import subprocess
import sys


def test_a_worker_without_tls_and_secrets_loads_no_cryptography() -> None:
    code = (
        "import sys, ingest.service\n"
        "print([name for name in sys.modules if name.startswith('cryptography')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
