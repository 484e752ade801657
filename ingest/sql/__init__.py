"""This room's named statements, one file of them a module; how such a file is read: ``store``."""

from collections.abc import Mapping
from pathlib import Path

from store.statements import statements as read

FOLDER = Path(__file__).parent


def statements(name: str) -> Mapping[str, str]:
    """The statements of ``ingest/sql/{name}.sql`` by name."""
    return read(name, FOLDER)
