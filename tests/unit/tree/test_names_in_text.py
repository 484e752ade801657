"""What comments and documents point at is there: a pointer to a moved file leads astray."""

import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NAMED = re.compile(r"(?<![\w./@*{<$-])((?:[\w.-]+/)*[\w-]+\.(?:py|sql|js|md|toml|yaml|css|svg))\b")
#: Files that others have, that a run makes, or that a text names as an example.
ELSEWHERE = {"conftest.py", "compose.yaml", "sync.py"}
#: What is never edited again may name what stood there then.
FINISHED = ("migrations/incremental/", "CHANGELOG.md")


@cache
def tracked() -> tuple[str, ...]:
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return tuple(name for name in done.stdout.splitlines() if (ROOT / name).exists())


def python_texts(path: Path) -> Iterator[tuple[int, str]]:
    """Comments and doc strings; other strings may name anything."""
    before = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        if token.type == tokenize.COMMENT or (
            token.type == tokenize.STRING
            and before
            in (
                tokenize.NEWLINE,
                tokenize.INDENT,
                tokenize.ENCODING,
            )
        ):
            yield token.start[0], token.string
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            before = token.type


def texts(path: Path) -> Iterator[tuple[int, str]]:
    if path.suffix == ".py":
        yield from python_texts(path)
    else:
        marks = {".sql": "--", ".js": ("//", "*", "/*"), ".md": ""}[path.suffix]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line.lstrip().startswith(marks):
                yield number, line


def stale(path: Path) -> list[str]:
    names = tracked()
    found = []
    for number, text in texts(path):
        for name in NAMED.findall(text):
            whole = f"/{re.sub(r'^([.]{1,2}/)+', '', name)}"
            if name not in ELSEWHERE and not any(f"/{known}".endswith(whole) for known in names):
                found.append(f"{path.relative_to(ROOT)}:{number}: {name}")
    return found


def files() -> list[Path]:
    wanted = {".py", ".sql", ".js", ".md"}
    return [
        ROOT / name
        for name in tracked()
        if Path(name).suffix in wanted and not name.startswith(FINISHED) and "vendor" not in name
    ]


def test_every_file_that_a_text_names_is_there() -> None:
    assert [line for path in files() for line in stale(path)] == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('"""See ``nowhere.py``."""\n', 1),
        ("x = 1  # as models/nowhere.py says\n", 1),
        ("x = 'any/old.py'\n", 0),
        ('"""See `models/fold.py` and store/sql/figures.sql."""\n', 0),
    ],
)
def test_a_stale_name_would_be_seen(tmp_path: Path, text: str, count: int) -> None:
    path = tmp_path / "sample.py"
    path.write_text(text)
    found = [
        name
        for _, said in texts(path)
        for name in NAMED.findall(said)
        if not any(f"/{known}".endswith(f"/{name}") for known in tracked())
    ]
    assert len(found) == count
