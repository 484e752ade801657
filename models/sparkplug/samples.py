"""What an instrument's ``source`` says of a device's metrics, and the samples made by it.

``table.py`` makes the readings. A metric is named, or named with its unit, or, where it says a
state in words or numbers of its own, with what these mean::

    {"power_w": "Power", "energy_wh": {"name": "Energy", "unit": "kWh"},
     "state": {"name": "Mode", "values": {"3": "running", "1": "idle"}}}
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from models.fields import STATES
from models.heartbeat import Reason
from models.mapping_sample import Sample
from models.mapping_units import FACTORS, Factor, OutsideRangeError, convert
from models.segment import State
from models.sparkplug.events import Reading
from models.sparkplug.payload import Value
from models.timestamp import UnrepresentableTimestampError, from_millis

#: The name of the mapping that an instrument's source gives for a Sparkplug device.
MAPPING: Final = "sparkplug-b"

_QUANTITIES: Final = {"power_w": "power", "energy_wh": "energy", "runtime_s": "runtime"}
_OWN_UNITS: Final = {"power_w": "W", "energy_wh": "Wh", "runtime_s": "s"}
FIELDS: Final = (*_QUANTITIES, "state")
_LONGEST_NAME: Final = 256  # characters
_MOST_VALUES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figure:
    """How one field is read."""

    name: str
    quantity: str = ""
    factor: Factor | None = None
    states: Mapping[str, State] | None = None


Figures = Mapping[str, _Figure]


class BadValueError(ValueError):
    """A metric's value that no heartbeat can carry."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def stated_metrics(value: object) -> dict[str, Any]:
    """The metrics of a source in their one spelling, so that equal ones are equal.

    Raises:
        ValueError: it breaks a rule; the text says which.
    """
    if not isinstance(value, Mapping) or not value:
        raise ValueError('must have metrics, such as {"power_w": "Power"}')
    if strange := sorted(map(str, value.keys() - set(FIELDS))):
        raise ValueError(f"has the metric {strange[0]!r}; it takes {', '.join(FIELDS)}")
    if not value.keys() & {"power_w", "state"}:
        raise ValueError("must name a metric for power_w or for state")
    return {field: _stated(field, value[field]) for field in FIELDS if field in value}


def _stated(field: str, value: object) -> Any:
    if isinstance(value, str):
        return _named(field, value)
    other = "values" if field == "state" else "unit"
    if not isinstance(value, Mapping) or value.keys() != {"name", other}:
        raise ValueError(f'metric {field} must be a name, or {{"name", "{other}"}}')
    name, stated = _named(field, value["name"]), value[other]
    if other == "values":
        return {"name": name, "values": _words(stated)}
    units = FACTORS[_QUANTITIES[field]]
    if not isinstance(stated, str) or stated not in units:
        raise ValueError(f"metric {field} has unit {stated!r}; known are {', '.join(units)}")
    return name if stated == _OWN_UNITS[field] else {"name": name, "unit": stated}


def _named(field: str, name: object) -> str:
    if not isinstance(name, str) or not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable():
        raise ValueError(
            f"metric {field} must have a name of 1 to {_LONGEST_NAME} characters, none of them"
            " control"
        )
    return name


def _words(stated: object) -> dict[str, str]:
    if not isinstance(stated, Mapping) or not 1 <= len(stated) <= _MOST_VALUES:
        raise ValueError(f"metric state must have 1 to {_MOST_VALUES} values")
    for said, word in stated.items():
        if not isinstance(said, str) or word not in STATES:
            raise ValueError(
                f"metric state has {said!r}: {word!r}; a value, as text, means off, idle or running"
            )
    return dict(sorted(stated.items()))


def figures_of(metrics: Mapping[str, Any]) -> Figures:
    """Reads what ``stated_metrics`` passed."""
    return {field: _figure(field, stated) for field, stated in metrics.items()}


def _figure(field: str, stated: Any) -> _Figure:
    name = stated if isinstance(stated, str) else stated["name"]
    if field == "state":
        words = None if isinstance(stated, str) else stated["values"]
        states = STATES if words is None else {said: STATES[word] for said, word in words.items()}
        return _Figure(name=name, states=states)
    unit = _OWN_UNITS[field] if isinstance(stated, str) else stated["unit"]
    quantity = _QUANTITIES[field]
    return _Figure(name=name, quantity=quantity, factor=FACTORS[quantity][unit])


def sample_of(figures: Figures, reading: Reading, channel: str | None) -> Sample | None:
    """What a reading says of an instrument.

    A metric that is null is not 0: where it is the power or the state, nothing is known of the
    instrument from that instant on.

    Args:
        figures: The instrument's.
        reading: Of its device.
        channel: As its source has it.

    Returns:
        ``None`` where none of its metrics was said.

    Raises:
        BadValueError: A value is of the wrong kind, or out of range.
    """
    if not any(figure.name in reading.said for figure in figures.values()):
        return None
    said: dict[str, Any] = {}
    for field, figure in figures.items():
        value = reading.known.get(figure.name)
        if value is not None:
            said[field] = _read(field, figure, value)
    unknown = any(
        field in figures and figures[field].name in reading.said and field not in said
        for field in ("power_w", "state")
    )
    try:
        ts_us = from_millis(reading.ts_ms)
    except UnrepresentableTimestampError as error:
        raise BadValueError(Reason.OUT_OF_RANGE, f"timestamp {reading.ts_ms} {error}") from error
    if unknown:
        said = {}
    elif not said.keys() & {"power_w", "state"}:
        return None  # what it does is not known since its node's messages had a gap
    device = reading.device or ""
    return Sample(device=device, channel=channel, ts_us=ts_us, unknown=unknown, **said)


def _read(field: str, figure: _Figure, value: Value) -> float | State:
    if figure.states is not None:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if text not in figure.states:
            known = ", ".join(figure.states)
            raise BadValueError(
                Reason.MALFORMED, f"metric {figure.name!r} is {text[:64]!r}; known are {known}"
            )
        return figure.states[text]
    assert figure.factor is not None
    if isinstance(value, bool | str) or not math.isfinite(value):
        detail = f"metric {figure.name!r}, {field}, is {str(value)[:64]!r} and no number"
        raise BadValueError(Reason.MALFORMED, detail)
    try:
        exact = value if isinstance(value, int) else Decimal(value)
        return convert(figure.quantity, exact, figure.factor)
    except OutsideRangeError as error:
        raise BadValueError(Reason.OUT_OF_RANGE, f"metric {figure.name!r}: {error}") from error
