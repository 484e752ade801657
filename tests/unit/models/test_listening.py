"""Readers of the listening record allow for the same pause, in SQL and in the check."""

import re
from pathlib import Path

import pytest

from models.listening import EXTEND_EVERY_S, SILENT_AFTER_S

ROOT = Path(__file__).parents[3]
READERS = ("store/sql/status.sql", "store/sql/figures.sql", "simulators/check/service.py")


def test_some_extensions_may_fail_before_it_is_silence() -> None:
    assert SILENT_AFTER_S > 5 * EXTEND_EVERY_S


@pytest.mark.parametrize("name", READERS)
def test_readers_allow_for_the_same_pause(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    pauses = re.findall(r"interval '(\d+) seconds'", text)
    assert pauses, f"{name} reads no listening record any more: take it off READERS"
    assert set(pauses) == {str(SILENT_AFTER_S)}
