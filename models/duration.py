"""Durations as people write them: ``90s``, ``5m``, ``12h``, ``30d``."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_SHAPE = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")


def parse_duration(text: str) -> timedelta:
    """A duration such as ``90s``, ``2m``, ``1h30m``, ``400d``; a bare number is seconds.

    Raises:
        ValueError: The text is not of that form.
    """
    compact = text.strip().replace(" ", "")
    parts = _SHAPE.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise ValueError(
            f"duration {text!r} is not a number with a unit of ms, s, m, h or d, such as 90s or 5m"
        )
    return timedelta(seconds=sum(float(number) * _UNITS[unit or "s"] for number, unit in parts))


def _parse(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_parse)]
