"""Which instruments are meant: each filter declared once, with what it compares and how.

Rosters and the board test instruments in memory, ``sql/filters.sql`` in the database, by the
same rule; `tests/integration/api/figures/test_filters.py` holds the two together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, NamedTuple, TypeAlias, get_type_hints

from store.wanted import Wanted, array

Fits: TypeAlias = Callable[[Any], bool]


def _same(value: Any) -> Fits:
    return lambda found: bool(found == value)


def _one_of(values: frozenset[Any]) -> Fits:
    return values.__contains__


def _within(codes: frozenset[str]) -> Fits:
    """Of classes: the very one, or one below it."""
    stems = tuple(stems_of(codes))
    return cache(lambda code: code is not None and (code in codes or code.startswith(stems)))


def stems_of(codes: frozenset[str]) -> list[str]:
    """What codes begin with that lie below classes: pairs of trailing zeros stand for any.

    >>> stems_of(frozenset({"010000"})), stems_of(frozenset({"010100"}))
    (['01'], ['0101'])
    >>> stems_of(frozenset({"010103", "50%", "0100"}))
    []
    """
    stems = []
    for code in codes:
        stem = code
        while len(code) == 6 and code.isdecimal() and len(stem) > 2 and stem.endswith("00"):
            stem = stem[:-2]
        if stem != code:
            stems.append(stem)
    return stems


class Check(NamedTuple):
    """What an instrument must be."""

    #: The filter's.
    name: str
    attribute: str
    fits: Fits


class Look(NamedTuple):
    """What a filter looks at of an instrument, and how its values are compared with that."""

    attribute: str
    how: Callable[[Any], Fits]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which instruments are meant; None: whatever it is."""

    #: The one institution that the asking key may see.
    tenant: Annotated[int | None, Look("institution_key", _same)] = None
    institution: Annotated[Wanted[str], Look("institution_id", _one_of)] = None
    district: Annotated[Wanted[str], Look("district_code", _one_of)] = None
    class_: Annotated[Wanted[str], Look("class_code", _within)] = None
    gateway: Annotated[Wanted[str], Look("gateway_id", _one_of)] = None
    kind: Annotated[Wanted[str], Look("kind", _one_of)] = None
    always_on: Annotated[Wanted[bool], Look("always_on", _one_of)] = None

    def checks(self) -> list[Check]:
        """What the filters that are asked for check."""
        return [
            Check(name.rstrip("_"), look.attribute, look.how(value))
            for name, look in _looks().items()
            if (value := getattr(self, name)) is not None
        ]

    def fits(self) -> Fits:
        """Whether something with an instrument's attributes is meant."""
        checks = [(attrgetter(check.attribute), check.fits) for check in self.checks()]
        return lambda one: all(fits(look(one)) for look, fits in checks)

    def params(self) -> dict[str, Any]:
        """As ``sql/filters.sql`` names them."""
        asked = {name.rstrip("_"): getattr(self, name) for name in _looks() if name != "tenant"}
        return {
            "tenant": self.tenant,
            **{name: array(values) for name, values in asked.items()},
            "class_stems": stems_of(self.class_ or frozenset()),
        }


@cache
def _looks() -> Mapping[str, Look]:
    """By filter."""
    hints = get_type_hints(Filters, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items()}
