from pathlib import Path

import pytest

from store import statements as module
from store.statements import statements


@pytest.mark.parametrize("path", sorted(module.FOLDER.glob("*.sql")), ids=lambda path: path.stem)
def test_every_file_reads(path: Path) -> None:
    assert all(statements(path.stem).values())


def test_what_is_included_stands_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "shared.sql").write_text("-- name: two\n2\n-- name: three\n3\n")
    (tmp_path / "sum.sql").write_text("-- name: all\nSELECT 1 +\n  -- include: shared.two\n+ 4\n")
    assert statements("sum", tmp_path)["all"] == "SELECT 1 +\n2\n+ 4"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("SELECT 1\n-- name: a\nSELECT 2\n", id="text before the first name"),
        pytest.param("-- name: a\nSELECT 1\n-- name: a\nSELECT 2\n", id="a name twice"),
    ],
)
def test_a_file_out_of_order(text: str, tmp_path: Path) -> None:
    (tmp_path / "broken.sql").write_text(text)
    with pytest.raises(ValueError, match="stands"):
        statements("broken", tmp_path)


def test_the_fields_of_a_record_stand_in_their_place(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("-- name: all\nSELECT\n    -- fields: gateway\nFROM x\n")
    found = statements("a", tmp_path)["all"].splitlines()
    assert found == [
        "SELECT",
        "v.name, n.institution_id, v.clock_correction_us, v.sparkplug, v.retired_on",
        "FROM x",
    ]
