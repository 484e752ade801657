"""The files that a run begins with."""

from types import SimpleNamespace

from tests.conftest import LONGEST, pytest_collection_modifyitems


def test_the_longest_files_are_there_and_come_first() -> None:
    here = LONGEST.parent
    names = LONGEST.read_text().split()
    assert len(names) == len(set(names))
    assert [name for name in names if not (here / name).is_file()] == []
    paths = [here / "unit/a.py", here / names[1], here / "unit/b.py", here / names[0]]
    items = [SimpleNamespace(path=path) for path in paths]
    pytest_collection_modifyitems(items)  # type: ignore[arg-type]
    assert [item.path for item in items] == [paths[3], paths[1], paths[0], paths[2]]
