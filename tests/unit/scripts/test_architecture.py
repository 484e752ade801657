import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "architecture.py"
_spec = importlib.util.spec_from_file_location("architecture", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
architecture = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(architecture)


def test_the_picture_is_what_the_modules_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["architecture.py", "--check"])
    assert architecture.main() == 0, "run scripts/architecture.py"


def test_arrows_that_follow_from_others_are_left_out() -> None:
    edges = {("a", "b"), ("b", "c"), ("a", "c"), ("d", "a"), ("a", "d")}
    assert architecture.reduced(edges) == edges - {("a", "c")}
