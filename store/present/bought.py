"""Instruments as a purchase review names them, by the registry of a window's end."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements


class Bought(NamedTuple):
    """What is registered of an instrument."""

    institution_id: str
    district_code: str | None
    class_code: str | None
    model: str | None
    acquired_on: date | None
    value_cny: Decimal | None


def load_bought(ids: Sequence[str], at_us: int) -> Steps[dict[str, Bought]]:
    """By instrument id."""
    values = {"ids": list(ids), "at": from_us(at_us)}
    rows = yield Query(statements("purchase")["facts"], values)
    return {name: Bought(*facts) for name, *facts in rows}
