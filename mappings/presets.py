"""Shipped examples of power rules, by class of instrument; nothing applies one by itself.

``power-rules.json`` holds orders of magnitude, not measurements of any model: where to begin with
a back-test. The thresholds of an instrument are an operator's choice.
"""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Preset(NamedTuple):
    """An example of a rule, as an instrument's ``power_rule`` takes it."""

    class_code: str
    title: str
    rule: dict[str, float | None]
    note: str


@cache
def presets() -> tuple[Preset, ...]:
    """All examples, by class."""
    text = (Path(__file__).parent / "power-rules.json").read_text("utf-8")
    return tuple(Preset(**one) for one in json.loads(text))
