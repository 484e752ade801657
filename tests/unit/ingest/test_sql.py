from pathlib import Path

import pytest

from ingest.sql import FOLDER, statements


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.sql")), ids=lambda path: path.stem)
def test_every_file_reads(path: Path) -> None:
    assert all(statements(path.stem).values())
