"""``jishi mapping``: shipped mappings and files of one's own, without a server."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app

ROOT = Path(__file__).parents[3]


def jishi(*arguments: object, given: str | None = None) -> Result:
    return CliRunner().invoke(app, ["mapping", *map(str, arguments)], input=given)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The mapping of docs/mappings.md, with its golden payload."""
    text = (ROOT / "docs" / "mappings.md").read_text("utf-8")
    mapping, golden = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    (tmp_path / "golden").mkdir()
    (tmp_path / "mapping.json").write_text(mapping)
    (tmp_path / "golden" / "one.json").write_text(golden)
    return tmp_path


def test_shipped_ones_are_listed_shown_and_held_to_their_golden_payloads() -> None:
    listed = jishi("list")
    names = re.findall(r"│ ([a-z0-9-]+) +│ +\d", listed.stdout)
    assert len(names) == 9
    for name in names:
        assert json.loads(jishi("show", name).stdout)["name"] == name
        tested = jishi("test", name)
        assert (tested.exit_code, "FAILED" in tested.stdout) == (0, False), tested.stdout
    schema = json.loads(jishi("show", "homie-5", "--schema").stdout)
    assert schema["title"] == "MappingDocument"


def test_a_message_comes_out_as_samples(tmp_path: Path) -> None:
    file = tmp_path / "payload"
    file.write_bytes(b"34.20")
    topic = "instruments/v1/gw-1/native/shellies/plug-1/relay/0/power"
    for tested in (
        jishi("test", "shelly-gen1", topic, file),
        jishi("test", "shelly-gen1", topic, "-", given="34.20"),
    ):
        assert tested.exit_code == 0
        said = json.loads(tested.stdout)
        assert said["problems"] == []
        assert (said["samples"][0]["device"], said["samples"][0]["power_w"]) == ("plug-1", 34.2)
    kept = jishi("test", "shelly-gen1", topic, file, "--retained")
    assert json.loads(kept.stdout) == {"samples": [], "problems": []}
    local = '{"Time": "2026-07-01T12:00:00", "ENERGY": {"Power": 5}}'
    zoned = jishi(
        "test", "tasmota-energy", "tele/a/SENSOR", "-", "--zone", "Europe/Berlin", given=local
    )
    assert json.loads(zoned.stdout)["samples"][0]["ts"] == "2026-07-01T10:00:00Z"


def test_problems_and_strange_topics_end_with_1() -> None:
    spoiled = jishi("test", "shelly-gen1", "shellies/a/relay/0/power", "-", given="nan")
    assert (spoiled.exit_code, len(json.loads(spoiled.stdout)["problems"])) == (1, 1)
    strange = jishi("test", "shelly-gen1", "tele/a/SENSOR", "-", given="5")
    assert (strange.exit_code, "no rule of shelly-gen1 fits" in strange.stderr) == (1, True)


def test_a_file_of_ones_own_is_held_to_its_golden_payloads(own: Path) -> None:
    for named in (own, own / "mapping.json"):
        tested = jishi("test", named)
        assert tested.exit_code == 0, tested.output
        assert "1 of 1 golden payloads of lab-meter hold" in tested.stdout
    golden = own / "golden" / "one.json"
    golden.write_text(golden.read_text().replace('"power_w": 250', '"power_w": 251'))
    failed = jishi("test", own)
    assert failed.exit_code == 1
    assert "FAILED one" in failed.stdout
    assert '"power_w": 251' in failed.stdout
    assert '"power_w": 250.0' in failed.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["show", "nobodys"], 2, "neither a shipped mapping (chirpstack"),
        (["test", "homie-5", "homie/5/a/$state"], 2, "name a file with the payload"),
        (["test", "homie-5", "x", "/nowhere/payload"], 2, "/nowhere/payload cannot be read"),
        (["test", "homie-5", "x", "-", "--zone", "Mars"], 2, "must be an IANA time zone"),
        (["test", "homie-5", "--golden", "/nowhere"], 2, "has no golden payloads"),
    ],
)
def test_errors_name_the_thing_and_what_to_do(arguments: list[str], status: int, said: str) -> None:
    result = jishi(*arguments, given="5")
    assert (result.exit_code, said in result.stderr) == (status, True), result.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "mapping.json: is not JSON"),
        ("[]", "the document: Input should be a valid dictionary"),
        ('{"name": "own", "version": 1, "rules": [{"topic": "a/#"}]}', "rules.0.topic: takes"),
    ],
)
def test_a_file_that_is_no_mapping_is_told_place_by_place(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "mapping.json"
    file.write_text(text)
    result = jishi("show", file)
    assert (result.exit_code, said in result.stderr) == (1, True), result.output


def test_a_golden_payload_that_is_none_is_told(own: Path) -> None:
    (own / "golden" / "one.json").write_text('{"topic": "x", "sample": []}')
    result = jishi("test", own)
    assert result.exit_code == 2
    assert "one.json.samples: Field required" in result.stderr
