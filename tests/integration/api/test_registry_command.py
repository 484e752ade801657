"""``jishi registry`` against a served API."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.registry import app

runner = CliRunner()


@pytest.fixture
def ready(tmp_path: Path, api_address: str, keys: dict[str, str]) -> list[str]:
    path = tmp_path / "ready.json"
    path.write_text(json.dumps({"api_url": api_address, "admin_key": keys["admin"]}))
    return ["--ready-file", str(path)]


def test_import_list_and_show(tmp_path: Path, ready: list[str], fresh: str) -> None:
    file = tmp_path / "institutions.csv"
    # As a Chinese spreadsheet program writes it, and more rows than one request holds.
    rows = "".join(f"{fresh}-{number:04},研究所 {number}\r\n" for number in range(2_100))
    file.write_bytes(f"institution_id,name\r\n{rows}".encode("gb18030"))
    done = runner.invoke(app, ["import", str(file), *ready])
    assert done.exit_code == 0, done.output
    assert "2100 created, 0 updated, 0 unchanged, 0 rejected" in done.stdout

    listed = runner.invoke(
        app, ["list", "institutions", "-q", fresh, "--limit", "1500", "--json", *ready]
    )
    items = [json.loads(line) for line in listed.stdout.splitlines()]
    assert len(items) == 1_500
    assert items[7]["name"] == "研究所 7"
    assert "研究所" in runner.invoke(app, ["list", "institutions", "-q", fresh, *ready]).stdout

    shown = runner.invoke(app, ["show", "institutions", f"{fresh}-0001", *ready])
    assert json.loads(shown.stdout)["versions"][0]["name"] == "研究所 1"


def test_retire_names_what_is_bound(
    ready: list[str], instrument: str, place: dict[str, str]
) -> None:
    gateway = ["retire", "gateways", place["gateway_id"]]
    refused = runner.invoke(app, [*gateway, *ready])
    assert refused.exit_code == 1
    assert f"1 instrument in service ({instrument})" in refused.stderr
    done = runner.invoke(app, [*gateway, "--force", *ready])
    assert done.exit_code == 0, done.output
    assert "out of service from today on" in done.stdout
    assert runner.invoke(app, ["retire", "instruments", instrument, *ready]).exit_code == 0
    assert "migrations" in runner.invoke(app, ["retire", "districts", "310104", *ready]).stderr


def test_bad_rows_keep_their_numbers(tmp_path: Path, ready: list[str], fresh: str) -> None:
    file = tmp_path / "gateways.csv"
    good = "".join(f"{fresh}-{number:04},\n" for number in range(2_050))
    file.write_text(f"gateway_id,institution_id\n\n{good}{fresh}-bad,nowhere\n")
    done = runner.invoke(app, ["import", str(file), *ready])
    assert done.exit_code == 1
    assert "2050 created, 0 updated, 0 unchanged, 1 rejected" in done.stdout
    # The header, an empty row, 2,050 good ones.
    assert "row 2053, institution_id 'nowhere': the id of a registered institution" in done.stderr


def test_a_preview_tells_rows_as_the_file_counts_them_and_writes_nothing(
    tmp_path: Path, ready: list[str], fresh: str, place: dict[str, str]
) -> None:
    file = tmp_path / "gateways.csv"
    home = place["institution_id"]
    rows = [f"{fresh}-{number:04},,{home}" for number in range(1_010)]
    rows += [f"{place['gateway_id']},renamed,{home}", f"{fresh}-bad,,nowhere"]
    file.write_text("\n".join(["gateway_id,name,institution_id", "", *rows]))
    before = runner.invoke(app, ["import", str(file), "--preview", *ready])
    assert before.exit_code == 1
    assert f"row 1012, {fresh}-1009: would be new" in before.stdout
    assert f"row 1013, {place['gateway_id']}: would change: name" in before.stdout
    assert "row 1014, institution_id 'nowhere'" in before.stderr
    counts = "1010 created, 1 updated, 0 unchanged, 1 rejected"
    assert f"{counts}; nothing is written" in before.stdout
    assert counts in runner.invoke(app, ["import", str(file), *ready]).stdout


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param("name\nx\n", "names none of", id="no id"),
        pytest.param("gateway_id,colour\nx,red\n", "colour is not a known column", id="column"),
        pytest.param('gateway_id\n"x\n', "is not CSV", id="quote"),
    ],
)
def test_files_that_cannot_be_taken(tmp_path: Path, ready: list[str], text: str, says: str) -> None:
    file = tmp_path / "wrong.csv"
    file.write_text(text)
    done = runner.invoke(app, ["import", str(file), *ready])
    assert done.exit_code == 1
    assert says in done.stderr


def test_what_is_missing_is_said(
    tmp_path: Path, ready: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("JISHI_API_URL", "JISHI_API_KEY", "JISHI_API_KEY_FILE", "JISHI_READY_FILE"):
        monkeypatch.delenv(name, raising=False)
    for arguments, says in (
        (["list", "institutions"], "no API is named"),
        (["list", "institutions", "--ready-file", str(tmp_path / "none")], "does not exist"),
        (["show", "instruments", "none", *ready], "there is no instrument"),
        (["import", str(tmp_path / "none.csv"), *ready], "cannot be read"),
    ):
        done = runner.invoke(app, arguments)
        assert done.exit_code == 1
        assert says in done.stderr
