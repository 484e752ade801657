import importlib.util
import re
from datetime import timedelta
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "scripts" / "configuration.py"
_spec = importlib.util.spec_from_file_location("configuration", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
configuration = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(configuration)


def test_the_page_is_what_the_settings_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["configuration.py", "--check"])
    assert configuration.main() == 0, "run scripts/configuration.py"


def test_every_setting_has_a_unit_and_a_meaning() -> None:
    rows = re.findall(
        r"^\| `(JISHI_\w+)` \| (.*?) \| (.*?) \| (.*) \|$", configuration.page(), re.M
    )
    assert len(rows) > 80
    assert [name for name, _, unit, meaning in rows if not unit or not meaning] == []


def test_secrets_are_told_by_what_they_are_and_without_a_default() -> None:
    rows = dict(re.findall(r"^\| `(JISHI_\w+)` \| (.*? \| .*?) \|", configuration.page(), re.M))
    assert rows["JISHI_SPARKPLUG_MQTT_URL"] == " | address"
    assert rows["JISHI_WEBHOOK_KEYS"] == " | keys"


def test_every_setting_that_the_documents_name_is_there() -> None:
    known = set(re.findall(r"`(JISHI_\w+)`", configuration.page()))
    # The variables that `jishi env` sets for a shell, and the tests' own.
    known |= {"JISHI_API", "JISHI_KEY", "JISHI_SLOW"}
    for path in (ROOT / "tests").glob("*/**/*.py"):
        known |= set(re.findall(r"(?:environ|counted).*?\W(JISHI_\w+)", path.read_text("utf-8")))
    pages = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "SECURITY.md"]
    for path in set(pages) - {configuration.PAGE}:
        named = set(re.findall(r"\bJISHI_[A-Z_]*[A-Z]\b", path.read_text("utf-8")))
        assert named <= known, f"{path.name} names {named - known}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (timedelta(days=30), "30d"),
        (timedelta(minutes=90), "90m"),
        (timedelta(milliseconds=100), "100ms"),
        (timedelta(seconds=20), "20s"),
    ],
)
def test_durations_are_spelled_as_they_would_be_written(value: timedelta, text: str) -> None:
    assert configuration.duration(value) == text
