from pathlib import Path

import pytest

from migrations.runner import Migration, MigrationError, load, statements


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("SELECT 1; SELECT 2;", ["SELECT 1;", "SELECT 2;"], id="two"),
        pytest.param("SELECT 1", ["SELECT 1"], id="no final semicolon"),
        pytest.param("SELECT ';';SELECT 2;", ["SELECT ';';", "SELECT 2;"], id="quoted"),
        pytest.param('SELECT "a;b";', ['SELECT "a;b";'], id="identifier"),
        pytest.param("-- a;b\nSELECT 1;", ["-- a;b\nSELECT 1;"], id="line comment"),
        pytest.param("/* ; */ SELECT 1;", ["/* ; */ SELECT 1;"], id="block comment"),
        pytest.param(
            "DO $$ BEGIN x; END $$; SELECT 1;", ["DO $$ BEGIN x; END $$;", "SELECT 1;"], id="body"
        ),
        pytest.param("DO $b$ a; $$ b; $b$;", ["DO $b$ a; $$ b; $b$;"], id="tagged body"),
        pytest.param("SELECT $1; SELECT 2;", ["SELECT $1;", "SELECT 2;"], id="parameter"),
        pytest.param("-- nothing\n", [], id="only a comment"),
        pytest.param("SELECT 1;\n-- end\n", ["SELECT 1;"], id="comment behind"),
    ],
)
def test_statements_part_at_semicolons_that_end_one(text: str, expected: list[str]) -> None:
    assert statements(text) == expected


def test_first_line_decides_about_the_transaction() -> None:
    inside = Migration(name="a", text="SELECT 1;", repeatable=False)
    outside = Migration(name="b", text="-- no-transaction\nSELECT 1;", repeatable=False)
    assert inside.in_transaction
    assert not outside.in_transaction


def test_two_files_with_one_number_are_refused(tmp_path: Path) -> None:
    (tmp_path / "incremental").mkdir()
    for name in ("0001_a.sql", "0001_b.sql"):
        (tmp_path / "incremental" / name).write_text("SELECT 1;")
    with pytest.raises(MigrationError, match="share a number"):
        load(tmp_path)


def test_our_own_files_load_in_order() -> None:
    names = [migration.name for migration in load()]
    assert names[0] == "incremental/0001_create_registry.sql"
    assert names == [n for n in names if n.startswith("inc")] + [
        n for n in names if n.startswith("ide")
    ]
