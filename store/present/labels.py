"""What instruments are grouped and filtered by, as arrays, for whoever keeps many of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from models.group_arrays import Flags, Ints
from store.present.filters import Filters


@dataclass(frozen=True, slots=True)
class Labels:
    """One attribute of all instruments."""

    #: Each value once.
    values: Sequence[Any]
    #: By instrument, the place of its value.
    codes: Ints

    @classmethod
    def of(cls, values: Sequence[Any]) -> "Labels":
        """Gathers equal values."""
        places: dict[Any, int] = {}
        codes = [places.setdefault(value, len(places)) for value in values]
        return cls(list(places), np.array(codes, np.int64))

    def present(self, rows: Ints) -> Ints:
        """Places of the values that some instruments have; ascending."""
        # Counted, not sorted: the values are few beside the instruments.
        return np.flatnonzero(np.bincount(self.codes[rows], minlength=len(self.values)))

    def parted(self, rows: Ints) -> tuple[list[Any], Ints]:
        """The values that some instruments have, each once, and of each instrument which."""
        present = self.present(rows)
        place_of = np.zeros(len(self.values), np.int64)
        place_of[present] = np.arange(len(present))
        return [self.values[code] for code in present.tolist()], place_of[self.codes[rows]]

    def where(self, wanted: Callable[[Any], bool]) -> Flags:
        """The instruments whose value is wanted."""
        flags = np.array([wanted(value) for value in self.values], np.bool_)
        found: Flags = flags[self.codes] if len(flags) else np.zeros(0, np.bool_)
        return found


class _Registered(Protocol):
    """A row of the registry that stands in groups."""

    @property
    def institution_id(self) -> str: ...
    @property
    def district_code(self) -> str | None: ...
    @property
    def class_code(self) -> str | None: ...
    @property
    def gateway_id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def institution_key(self) -> int: ...
    @property
    def always_on(self) -> bool: ...


def labels_of(rows: Sequence[_Registered]) -> dict[str, Labels]:
    """By word of `store.present.instruments.GROUPINGS` but the instrument, and by filter's name."""
    return {
        "institution": Labels.of([row.institution_id for row in rows]),
        "district": Labels.of([row.district_code for row in rows]),
        "class": Labels.of([row.class_code for row in rows]),
        "class_major": Labels.of([_major(row.class_code) for row in rows]),
        "gateway": Labels.of([row.gateway_id for row in rows]),
        "kind": Labels.of([row.kind for row in rows]),
        "tenant": Labels.of([row.institution_key for row in rows]),
        "always_on": Labels.of([row.always_on for row in rows]),
    }


def cells_of(rows: Sequence[_Registered]) -> Labels:
    """District, class and kind together, as a city's rollups tell them; no code holds a space."""
    return Labels.of([f"{r.district_code or ''} {r.class_code or ''} {r.kind}" for r in rows])


def meant(labels: Mapping[str, Labels], filters: Filters) -> Flags:
    """The rows that filters mean."""
    chosen = np.ones(len(labels["tenant"].codes), np.bool_)
    for check in filters.checks():
        chosen &= labels[check.name].where(check.fits)
    return chosen


def _major(class_code: str | None) -> str | None:
    return None if class_code is None else class_code[:2] + "0000"
