"""A key that signs, for whatever closes a period in tests: made once a process."""

import tempfile
from functools import cache
from pathlib import Path

from reports.signing import new_key


@cache
def signing_key() -> Path:
    """Its file."""
    folder = Path(tempfile.mkdtemp(prefix="jishi-signing-"))
    path = folder / "signing.key"
    path.write_text(new_key(), "ascii")
    return path
