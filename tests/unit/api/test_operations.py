from pathlib import Path

import pytest

from api.routes.operations import on_loopback, wanted_migrations


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("testclient", False),
        (None, False),
    ],
)
def test_loopback(host: str | None, own: bool) -> None:
    assert on_loopback(host) is own


def test_what_needs_another_edition_is_not_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "incremental"
    folder.mkdir()
    (folder / "0001_a.sql").write_text("SELECT 1;")
    (folder / "0002_b.sql").write_text("-- requires: community\nSELECT 1;")
    assert wanted_migrations(tmp_path) == {"incremental/0001_a.sql"}
