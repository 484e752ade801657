"""Draws the picture in docs/architecture.md from what the modules import.

``python scripts/architecture.py`` writes it; with ``--check`` it only says whether it is true.
A box is a folder, an arrow says that something in one imports something in the other. Arrows that
follow from others (what a needs by way of b) are left out.
"""

import sys
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
ROOMS = (
    *("models", "mappings", "profiles", "schemes", "reports", "store"),
    *("ingest", "api", "simulators", "migrations", "stack", "cli", "bench"),
)
BEGIN, END = "<!-- drawn from the imports -->\n", "<!-- end of the picture -->"


def boxes() -> dict[str, str]:
    """The box of each folder that holds modules, by its dotted name."""
    found = {}
    for room in ROOMS:
        found[room] = room
        for folder in sorted((ROOT / room).iterdir()):
            if (folder / "__init__.py").exists() and any(folder.glob("[a-z]*.py")):
                found[f"{room}.{folder.name}"] = f"{room}.{folder.name}"
    return found


def arrows() -> set[tuple[str, str]]:
    """Which folder imports which."""
    known = boxes()
    graph = grimp.build_graph(*ROOMS, include_external_packages=False)

    def box(module: str) -> str:
        parts = module.split(".")
        nested = ".".join(parts[:2])
        return nested if nested in known and len(parts) > 2 else parts[0]

    found = set()
    for module in graph.modules:
        for other in graph.find_modules_directly_imported_by(module):
            a, b = box(module), box(other)
            if a != b:
                found.add((a, b))
    return found


def reduced(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Without arrows that others imply."""
    below: dict[str, set[str]] = {}
    for a, b in edges:
        below.setdefault(a, set()).add(b)

    def reaches(start: str, goal: str, seen: set[str]) -> bool:
        for step in below.get(start, ()):
            if step == goal:
                return True
            if step not in seen:
                seen.add(step)
                if reaches(step, goal, seen):
                    return True
        return False

    return {
        (a, b)
        for a, b in edges
        if not any(reaches(c, b, {a}) for c in below[a] - {b} if not reaches(b, c, {a}))
    }


def picture() -> str:
    """The picture as a Mermaid flow chart."""
    lines = ["```mermaid", "flowchart TD"]
    for room in ROOMS:
        inner = [name for name in boxes() if name.startswith(f"{room}.")]
        if not inner:
            lines.append(f"    {room}[{room}/]")
            continue
        lines.append(f"    subgraph {room}_[{room}/]")
        lines.append(f"        {room}[{room}/*.py]")
        lines += [f"        {name}[{name.split('.')[1]}/]" for name in inner]
        lines.append("    end")
    lines += [f"    {a} --> {b}" for a, b in sorted(reduced(arrows()))]
    return "\n".join([*lines, "```", ""])


def main() -> int:
    """Writes or checks; the exit status."""
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN, 1)
    _, tail = rest.split(END, 1)
    drawn = f"{head}{BEGIN}{picture()}{END}{tail}"
    if drawn == text:
        return 0
    if "--check" in sys.argv:
        print("docs/architecture.md is not what the modules import: run scripts/architecture.py")
        return 1
    PAGE.write_text(drawn, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
