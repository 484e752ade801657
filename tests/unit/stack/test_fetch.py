"""What is decided about programs and packages before anything is fetched."""

import json
from pathlib import Path

import pytest

from stack.debian import UNNEEDED, is_complete
from stack.errors import StackError
from stack.fetch import find_mosquitto, find_postgres
from stack.settings import VARIABLES, Settings


@pytest.mark.parametrize(
    "name",
    ["libc6", "libicu76", "postgresql-17", "postgresql-client-17", "libpq5", "libssl3t64",
     "postgresql-17-timescaledb", "mosquitto", "libpam0g", "tzdata", "libgcc-s1"],
)  # fmt: skip
def test_what_servers_load_is_kept(name: str) -> None:
    assert not UNNEEDED.fullmatch(name)


@pytest.mark.parametrize("name", ["perl", "libperl5.40", "libllvm19", "debconf", "adduser"])
def test_what_only_scripts_need_is_left_out(name: str) -> None:
    assert UNNEEDED.fullmatch(name)


def test_a_folder_is_complete_only_where_it_was_made_for(tmp_path: Path) -> None:
    assert not is_complete(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    assert not is_complete(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"folder": "/elsewhere"}))
    assert not is_complete(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"folder": str(tmp_path)}))
    assert is_complete(tmp_path)


@pytest.mark.parametrize("variable", ["JISHI_STACK_DIR", "JISHI_POSTGRES_BIN"])
def test_a_wrong_place_for_postgres_names_its_setting(variable: str, tmp_path: Path) -> None:
    settings = Settings.from_environ({variable: str(tmp_path)})
    with pytest.raises(StackError, match=f"(?s){variable}.*correct or unset {variable}"):
        find_postgres(settings)


@pytest.mark.parametrize("variable", ["JISHI_STACK_DIR", "JISHI_MOSQUITTO"])
def test_a_wrong_place_for_mosquitto_names_its_setting(variable: str, tmp_path: Path) -> None:
    with pytest.raises(StackError, match=f"(?s){variable}.*correct or unset {variable}"):
        find_mosquitto(Settings.from_environ({variable: str(tmp_path)}))


def test_settings_come_from_documented_variables_only() -> None:
    everything = Settings.from_environ(dict.fromkeys(VARIABLES, "/x"))
    missing = [
        name
        for name in Settings.__dataclass_fields__
        if name not in ("search_path", "xdg_cache_home") and getattr(everything, name) is None
    ]
    assert missing == []


def test_empty_variables_count_as_absent() -> None:
    assert Settings.from_environ(dict.fromkeys(VARIABLES, "")) == Settings.from_environ({})
