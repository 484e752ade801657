"""The cockpit's files at rest: vendored ones are unchanged, ours refer to nobody else."""

import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COCKPIT = ROOT / "cockpit"
OURS = sorted(
    p
    for p in COCKPIT.rglob("*")
    if p.suffix in (".js", ".css", ".html") and "vendor" not in p.parts
)


@pytest.mark.parametrize("folder", [COCKPIT / "vendor", ROOT / "tests/cockpit/vendor"], ids=str)
def test_vendored_files_are_unchanged_and_licensed(folder: Path) -> None:
    listed = dict(
        reversed(line.split()) for line in (folder / "SHA256SUMS").read_text("ascii").splitlines()
    )
    assert set(listed) == {p.name for p in folder.iterdir() if p.suffix in (".js", ".json")}
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
        assert (folder / f"{Path(name).stem}.LICENSE").stat().st_size > 1000


@pytest.mark.parametrize("path", OURS, ids=lambda p: p.name)
def test_ours_refer_to_nobody_else_and_style_nothing_in_markup(path: Path) -> None:
    text = path.read_text("utf-8")
    addresses = set(re.findall(r"https?://[^\s\"'`)]+", text)) - {"http://www.w3.org/2000/svg"}
    assert addresses == set()
    assert not re.search(r"\bstyle=|innerHTML|insertAdjacentHTML|\beval\(|new Function", text)


def test_files_are_chosen_by_the_field_that_speaks_the_page_s_language() -> None:
    found = [path.name for path in OURS if re.search(r"type: 'file'", path.read_text("utf-8"))]
    assert found == ["dom.js"]


def test_every_word_has_both_languages() -> None:
    found: list[tuple[str, str]] = []
    for path in (path for path in OURS if path.name.endswith(("words.js", "tools.js"))):
        text = path.read_text("utf-8")
        found += re.findall(r"(\w+): \[('(?:[^'\\]|\\.)*', '(?:[^'\\]|\\.)*')\]", text)
    words = dict(found)
    assert len(words) == len(found), "a word has two meanings"
    assert len(words) > 200
    used: set[str] = set()
    for path in OURS:
        used |= set(re.findall(r"[^\w]t\('(\w+)'", path.read_text("utf-8")))
    assert used - words.keys() == set()
    for pair in words.values():
        chinese, english = pair.split("', '")
        assert chinese.strip("'")
        assert english.strip("'")


def test_the_map_has_every_district() -> None:
    found = json.loads((COCKPIT / "vendor/shanghai.json").read_text("utf-8"))
    names = {feature["properties"]["name"] for feature in found["features"]}
    seeded = (ROOT / "migrations/incremental/0004_seed_reference.sql").read_text("utf-8")
    districts = set(re.findall(r"\('310\d{3}', '(\w+)'", seeded))
    assert len(districts) == 16
    assert districts == names
