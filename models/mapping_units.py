"""Units of what devices measure, converted exactly: decimals in, the nearest double out."""

from decimal import Context, Decimal
from typing import Final, Literal, NamedTuple

from models.fields import ENERGY_WH, POWER_W, RUNTIME_S

PowerUnit = Literal["W", "mW", "kW"]
EnergyUnit = Literal["Wh", "mWh", "kWh", "MWh", "Wmin", "J"]
RuntimeUnit = Literal["s", "ms", "min", "h"]


class Factor(NamedTuple):
    """One unit in ours: times ``times``, divided by ``by``, which no decimal may be exactly."""

    times: Decimal
    by: Decimal | None


def _factor(times: str, by: str | None = None) -> Factor:
    return Factor(Decimal(times), None if by is None else Decimal(by))


FACTORS: Final = {
    "power": {"W": _factor("1"), "mW": _factor("0.001"), "kW": _factor("1000")},
    "energy": {
        "Wh": _factor("1"),
        "mWh": _factor("0.001"),
        "kWh": _factor("1000"),
        "MWh": _factor("1000000"),
        "Wmin": _factor("1", by="60"),
        "J": _factor("1", by="3600"),
    },
    "runtime": {
        "s": _factor("1"),
        "ms": _factor("0.001"),
        "min": _factor("60"),
        "h": _factor("3600"),
    },
}

#: The range of a heartbeat's field, and what it is counted in.
RANGES: Final = {
    "power": (Decimal(POWER_W[0]), Decimal(POWER_W[1]), "W"),
    "energy": (Decimal(ENERGY_WH[0]), Decimal(ENERGY_WH[1]), "Wh"),
    "runtime": (Decimal(RUNTIME_S[0]), Decimal(RUNTIME_S[1]), "s"),
}

# More digits than any meter sends or any double tells apart, and nothing that raises.
_CONTEXT: Final = Context(prec=60, traps=[])
_LARGEST_EXPONENT: Final = 30  # beyond every range; kept out of the arithmetic


class OutsideRangeError(ValueError):
    """The value is a number, and no such thing measures it."""


def convert(quantity: str, value: int | Decimal, factor: Factor) -> float:
    """A number in our unit.

    Args:
        quantity: ``power``, ``energy`` or ``runtime``.
        value: Finite.
        factor: The value's unit, of ``FACTORS``.

    Returns:
        Watts, watt-hours or seconds: the double nearest to the exact value, never -0.0.

    Raises:
        OutsideRangeError: outside the range of the heartbeat's field.
    """
    lowest, highest, _ = RANGES[quantity]
    number = Decimal(value) if isinstance(value, int) else value
    if number and number.adjusted() > _LARGEST_EXPONENT:
        raise OutsideRangeError(_rule(quantity))
    converted = _CONTEXT.multiply(number, factor.times)
    if factor.by is not None:
        converted = _CONTEXT.divide(converted, factor.by)
    if not lowest <= converted <= highest:
        raise OutsideRangeError(_rule(quantity))
    return float(converted) + 0.0


def _rule(quantity: str) -> str:
    lowest, highest, unit = RANGES[quantity]
    return f"{quantity} must be {lowest:f} to {highest:,f} {unit}"
