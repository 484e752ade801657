"""No two modules lean on one another, in Python or in JavaScript: a circle has no first page."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROOMS = (
    *("models", "mappings", "profiles", "schemes", "reports", "store"),
    *("ingest", "api", "simulators", "migrations", "stack", "cli", "bench"),
)
Graph = dict[str, set[str]]


def circle(graph: Graph) -> list[str]:
    """The modules of one circle, the first again at the end; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def python_files() -> Iterator[tuple[str, Path]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imported(tree: ast.Module, module: str, known: set[str]) -> set[str]:
    """The project's modules that a module imports anywhere in it, for types alone or not."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    # `from room import part` names the part, not the room's front page, where part is a module.
    fronts = {name.rpartition(".")[0] for name in found if name in known}
    return {name for name in found & known if name not in fronts} - {module}


def python_graph() -> Graph:
    files = dict(python_files())
    return {
        module: imported(ast.parse(path.read_text()), module, set(files))
        for module, path in files.items()
    }


def script_graph() -> Graph:
    folder = ROOT / "cockpit"
    # What is loaded once a page is opened (`import(…)`) is no part of what has to come first.
    statement = re.compile(r"""(?:from|import)\s*["'](\.[^"']+)["']""")
    return {
        str(path.relative_to(folder)): {
            str((path.parent / name).resolve().relative_to(folder))
            for name in statement.findall(path.read_text())
        }
        for path in sorted(folder.rglob("*.js"))
        if "vendor" not in path.parts
    }


@pytest.mark.parametrize("graph", [python_graph, script_graph])
def test_no_circle(graph) -> None:
    found = graph()
    assert len(found) > 10
    assert sum(map(len, found.values())) > len(found), "imports are seen"
    assert circle(found) == []


def test_a_circle_would_be_seen() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
