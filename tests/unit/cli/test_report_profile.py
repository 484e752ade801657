"""``jishi reports profile``: shipped forms and files of one's own, without a server."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import profiles
from cli.main import app

ROOT = Path(__file__).parents[3]


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["reports", "profile", *words], env={"COLUMNS": "200"})
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.output


@pytest.mark.parametrize("name", sorted(profiles.shipped()))
def test_shipped_profiles_take_a_record_that_tells_everything(name: str) -> None:
    code, told = run("test", name)
    assert (code, "is a profile" in told) == (0, True), told


def test_the_shipped_ones_are_listed_and_shown() -> None:
    code, told = run("list")
    assert code == 0
    assert all(name in told for name in profiles.shipped())
    code, told = run("show", "university-share")
    assert json.loads(told) == profiles.shipped()["university-share"].document.to_json()
    code, told = run("show", "records", "--schema")
    assert json.loads(told)["title"] == "ProfileDocument"


def test_the_documents_own_example(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "reports.md").read_text("utf-8")
    _, _, own = text.partition("### Bring another")
    example = re.findall(r"```json\n(.*?)```", own, re.S)[0]
    path = tmp_path / "own.json"
    path.write_text(example, "utf-8")
    code, told = run("test", str(path))
    assert code == 0, told
    assert "2026-03-02 09:10" in told


def test_a_bad_file_is_told_place_by_place(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text('{"name": "bad", "version": 1, "title": "t", "forms": ["csv"], "columns": []}')
    code, told = run("test", str(path))
    assert code == 1
    assert "bad.json is no profile:\n  columns: List should have at least 1 item" in told
    path.write_text("{")
    assert "is not JSON" in run("test", str(path))[1]
    code, told = run("test", str(tmp_path / "none.json"))
    assert code == 2
    assert "neither a shipped profile (cers-share-effect, nrii-columns" in told


def test_a_form_that_no_record_could_fill_is_told(tmp_path: Path) -> None:
    own = profiles.shipped()["university-share"].document.to_json()
    own["columns"][8]["value"] = ["period.revision"]
    path = tmp_path / "own.json"
    path.write_text(json.dumps(own))
    assert "'period.revision', which is no value" in run("test", str(path))[1]
    own["columns"][8] |= {"value": ["person.name"], "length": 9}
    path.write_text(json.dumps(own))
    code, told = run("test", str(path))
    assert code == 1
    assert "使用人员: is '某某'; it must have 9 characters (person.name)" in told
