"""What a follower answers from: its cities, and sums over what was taken of them.

A window is answered from rollups of just that window: figures of days do not add up to those of a
month, which counts who was there at its end (rule 4 holds of instruments, and they are not here).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from models.group_arrays import Flags, Ints
from models.rollup import FIGURES, Row
from models.rollup_sums import Packed, add_up, unpack
from models.usage import Window
from store.instant import from_us
from store.present.filters import Filters
from store.run import Query, Steps
from store.statements import statements
from store.wanted import Wanted, array

_SQL = statements("federation")


class City(NamedTuple):
    """A city that is followed."""

    city_key: int
    city: str
    name: str
    url: str
    region: str | None
    region_name: str | None
    #: Of its counts; None: it was never heard.
    as_of_us: int | None
    #: Its closed figures are at least as new as this.
    complete_us: int | None
    heard_us: int | None
    failure: str | None

    def is_away(self, now_us: int, away_s: float) -> bool:
        """Whether its last signed word is older than that, or there was none."""
        return self.as_of_us is None or now_us - self.as_of_us > away_s * 1_000_000


def load_cities() -> Steps[list[City]]:
    """All of them, by name."""
    rows = yield from Query[tuple[Any, ...]](_SQL["cities"], binary=True)
    return [City._make(row) for row in rows]


def load_now() -> Steps[int]:
    """The database's now."""
    ((now_us,),) = yield from Query[tuple[int]](_SQL["now"], binary=True)
    return now_us


def away_cities(away_s: float) -> Steps[list[str]]:
    """Cities that are away, by name."""
    now_us = yield from load_now()
    cities = yield from load_cities()
    return [city.city for city in cities if city.is_away(now_us, away_s)]


class Taken(NamedTuple):
    """A rollup that was taken."""

    rollup_key: int
    city_key: int
    span: str
    revision: int
    first_revision: int
    as_of_us: int

    @property
    def amended(self) -> bool:
        """Whether it is not the first one of its window."""
        return self.revision != self.first_revision


def load_taken(window: Window | None) -> Steps[dict[int, Taken]]:
    """Rollups of just a window by city; of now, where there is none."""
    if window is None:
        rows = yield from Query[tuple[Any, ...]](_SQL["of_now"], binary=True)
    else:
        rows = yield from Query[tuple[Any, ...]](
            _SQL["of_window"],
            {"start": from_us(window.start_us), "end": from_us(window.end_us)},
            binary=True,
        )
    return {one.city_key: one for one in map(Taken._make, rows)}


@dataclass(slots=True)
class Followed:
    """What is summed up of one group."""

    total: Row
    parts: list[Row] = field(default_factory=list)
    #: Cities that are in it.
    cities: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which sums of which groups."""

    #: `city`, `region`, `district`, `class`, `class_major`, `kind`; None: all are one group.
    group_by: str | None = None
    filters: Filters = field(default_factory=Filters)
    #: Ends of the buckets, none where none are wanted.
    parts: Sequence[int] = ()
    columns: tuple[str, ...] = FIGURES

    @property
    def of_cells(self) -> bool:
        """Whether a city's own total does not do."""
        return self.group_by not in (None, "city", "region") or bool(self.filters.checks())

    def sums(
        self, cities: Sequence[City], taken: Iterable[Taken]
    ) -> Steps[tuple[dict[str | None, Followed], set[int]]]:
        """Each group's sums.

        Args:
            cities: That are followed.
            taken: Rollups of some of them, all of one window.

        Returns:
            Groups, and the cities whose rollups have just these parts.
        """
        by_key = {city.city_key: city for city in cities}
        of = {one.rollup_key: by_key[one.city_key] for one in taken if one.city_key in by_key}
        # A window that is its own one bucket has no parts of that kind, and needs none.
        inner = list(self.parts) if len(self.parts) > 1 else []
        rows = yield from Query[tuple[int, int, int, bytes]](
            _SQL["cells" if self.of_cells else "totals"],
            {"rollups": list(of), "parts": bool(inner)},
            binary=True,
            heavy=True,
        )
        packed: dict[int, list[bytes]] = {}
        ends: dict[int, list[int]] = {one: [] for one in of}
        for rollup, part, end_us, data in rows:
            packed.setdefault(rollup, []).append(data)
            if part:
                ends[rollup].append(end_us)
        fitting = [one for one in of if ends[one] == inner]
        labels = yield from self._labels({one: of[one] for one in fitting})
        names = sorted({name for one in labels.values() for name in one.names}, key=_order)
        place = {name: n for n, name in enumerate(names)}
        codes = [
            np.array([place[name] for name in labels[one].names], np.int64)[labels[one].codes]
            for one in fitting
        ]
        sums = [
            _added(
                [unpack(packed[one][part], self.columns)[labels[one].rows] for one in fitting],
                codes,
                len(names),
                self.columns,
            )
            for part in range(1 + len(inner))
        ]
        groups = {
            name: Followed(
                total=sums[0][n],
                parts=[part[n] for part in (sums[1:] if inner else sums * len(self.parts))],
                cities={of[one].city_key for one in fitting if name in labels[one].names},
            )
            for n, name in enumerate(names)
        }
        return groups, {of[one].city_key for one in fitting}

    def _labels(self, of: dict[int, City]) -> "Steps[dict[int, _Labels]]":
        """Of each rollup, which of its rows are meant and which group each is in."""
        if not self.of_cells:
            none = np.zeros(1, np.int64)
            return {
                one: _Labels(np.ones(1, np.bool_), none, [_of_city(self.group_by, city)])
                for one, city in of.items()
            }
        rows = yield from Query[tuple[int, list[str], list[str], list[str]]](
            _SQL["codes"], {"rollups": list(of)}, binary=True, heavy=True
        )
        found = {}
        for rollup, districts, classes, kinds in rows:
            columns = {"district": districts, "class": classes, "kind": kinds}
            keep = np.ones(len(districts), np.bool_)
            for check in self.filters.checks():
                keep &= _where(columns[check.name], check.fits)
            if self.group_by in (None, "city", "region"):
                names: Sequence[str | None] = [_of_city(self.group_by, of[rollup])] * len(kinds)
            elif self.group_by == "class_major":
                names = [code[:2] + "0000" if code else None for code in classes]
            else:
                names = [code or None for code in columns[str(self.group_by)]]
            chosen = [name for name, kept in zip(names, keep.tolist(), strict=True) if kept]
            unique = sorted(set(chosen), key=_order)
            place = {name: n for n, name in enumerate(unique)}
            codes = np.array([place[name] for name in chosen], np.int64)
            found[rollup] = _Labels(keep, codes, unique)
        return found


class _Labels(NamedTuple):
    rows: Flags
    codes: Ints
    names: Sequence[str | None]


def _order(name: str | None) -> tuple[bool, str]:
    return name is None, name or ""


def _of_city(group_by: str | None, city: City) -> str | None:
    return {"city": city.city, "region": city.region}.get(group_by or "")


def _where(values: Sequence[str], fits: Callable[[Any], bool]) -> Flags:
    known = {value: fits(value or None) for value in set(values)}
    return np.array([known[value] for value in values], np.bool_)


def _added(
    arrays: Sequence[Packed], codes: Sequence[Ints], count: int, columns: Sequence[str]
) -> list[Row]:
    if not arrays:
        return [(0,) * len(columns)] * count
    return add_up(np.concatenate(arrays), np.concatenate(codes), count)


class Amended(NamedTuple):
    """What a later revision changed of a window's totals."""

    amendment_id: int
    city: str
    name: str
    span: str
    start_us: int
    end_us: int
    was_revision: int
    revision: int
    taken_us: int
    was: bytes
    became: bytes


def load_amendments(
    window: Window, cities: Wanted[str], after: int, limit: int
) -> Steps[list[Amended]]:
    """Amendments of windows that overlap one, in the order in which they were taken."""
    rows = yield from Query[tuple[Any, ...]](
        _SQL["amendments"],
        {
            "start": from_us(window.start_us),
            "end": from_us(window.end_us),
            "city": array(cities),
            "after": after,
            "limit": limit,
        },
        binary=True,
    )
    return [Amended._make(row) for row in rows]
