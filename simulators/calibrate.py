"""Prints a city's figures beside those of the platform that it is calibrated to.

``python -m simulators.calibrate`` walks every instrument's whole year as it truly was, without
a service: what the service makes of heartbeats about it, ``verify.py`` compares. "Used" counts
effective hours over rated hours (1,400 a year for general instruments, 800 for special ones);
instruments that never stop stand outside, as they do in the service's bands.
"""

import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from os import cpu_count
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from models.segment import State
from simulators.city.behaviour import Behaviour
from simulators.city.city import (
    CITY_EQUIPPED,
    CITY_EQUIPPED_INSTITUTIONS,
    CITY_INSTITUTIONS,
    CITY_INSTRUMENTS,
    CITY_VALUE_CNY,
    SHARE_ABOVE,
    City,
    FleetOptions,
    Instrument,
    build_city,
)
from simulators.city.localtime import DAY_S, day_number

_CHUNK = 200
#: The national means of effective hours a year lie between these.
MEAN_HOURS = (1_440, 1_600)
#: Points that a share may be off.
TOLERANCE = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure beside its target."""

    name: str
    found: float
    low: float
    high: float

    @property
    def is_met(self) -> bool:
        """Whether the figure lies where it should."""
        return self.low <= self.found <= self.high


def year_hours(instruments: Iterable[Instrument], year: int) -> list[float]:
    """Effective hours of each instrument in a calendar year."""
    first = day_number(date(year, 1, 1))
    after = day_number(date(year + 1, 1, 1))
    hours = []
    for instrument in instruments:
        behaviour = Behaviour(instrument.habit)
        hours.append(sum(_running_s(behaviour, day) for day in range(first, after)) / 3_600)
    return hours


def _running_s(behaviour: Behaviour, day: int) -> int:
    """Seconds that it runs in a usage day: what is effective has no pauses in it."""
    changes = behaviour.changes(day)
    ends = [at for at, _ in changes[1:]]
    ends.append(changes[0][0] + DAY_S)
    return sum(
        end - at for (at, state), end in zip(changes, ends, strict=True) if state is State.RUNNING
    )


def _chunk_hours(task: tuple[FleetOptions, int, int, int]) -> list[float]:
    options, year, first, after = task
    # Each process builds its city once: a second's work, and nothing to send.
    city = _cities.get(options) or _cities.setdefault(options, build_city(options))
    return year_hours(city.instruments[first:after], year)


_cities: dict[FleetOptions, City] = {}


def calibration(city: City, hours: list[float]) -> list[Line]:
    """The city's figures beside the platform's, scaled to the city's size.

    Args:
        city: Any size.
        hours: Effective hours of a year, by instrument.
    """
    scale = len(city.instruments) / CITY_INSTRUMENTS
    ranked = [
        (own, instrument)
        for own, instrument in zip(hours, city.instruments, strict=True)
        if not instrument.always_on
    ]
    lines = [
        _exact("instruments", len(city.instruments), CITY_INSTRUMENTS * scale),
        _exact("value, yuan", sum(i.value_cny for i in city.instruments), CITY_VALUE_CNY * scale),
    ]
    if scale == 1.0:
        lines += [
            _exact("institutions", len(city.institutions), CITY_INSTITUTIONS),
            _exact("major classes", len({i.class_code[:2] for i in city.instruments}), 15),
            _exact("middle classes", len({i.class_code for i in city.instruments}), 90),
            _exact("districts", len({i.district_code for i in city.institutions}), 16),
            _exact("equipped first", sum(i.equipped for i in city.instruments), CITY_EQUIPPED),
            _exact(
                "institutions equipped first",
                len({i.institution for i in city.instruments if i.equipped}),
                CITY_EQUIPPED_INSTITUTIONS,
            ),
        ]
    for above, target in sorted(SHARE_ABOVE.items(), reverse=True):
        share = sum(own > above * i.rated_hours for own, i in ranked) / len(ranked)
        lines.append(
            Line(
                name=f"share used more than {above:.0%}",
                found=share,
                low=target - TOLERANCE,
                high=target + TOLERANCE,
            )
        )
    lines.append(
        Line(
            name="mean effective hours a year",
            found=sum(own for own, _ in ranked) / len(ranked),
            low=MEAN_HOURS[0],
            high=MEAN_HOURS[1],
        )
    )
    return lines


def _exact(name: str, found: float, target: float) -> Line:
    return Line(name=name, found=found, low=round(target), high=round(target))


def main(
    seed: Annotated[int, typer.Option(help="Another city.")] = 1,
    year: Annotated[int, typer.Option(help="Calendar year, local time.")] = 2025,
    instruments: Annotated[int, typer.Option(help="Instruments of the city.")] = CITY_INSTRUMENTS,
    processes: Annotated[int, typer.Option(help="0: one a processor.")] = 0,
) -> None:
    """Walk a city's year; exit status 1 where a figure misses its target."""
    options = FleetOptions(seed=seed, instruments=instruments)
    city = build_city(options)
    count = len(city.instruments)
    tasks = [(options, year, at, min(count, at + _CHUNK)) for at in range(0, count, _CHUNK)]
    people = Console(stderr=True)
    with ProcessPoolExecutor(processes or cpu_count() or 1) as pool:
        chunks = track(
            pool.map(_chunk_hours, tasks),
            total=len(tasks),
            description=f"{count:,} instruments, {year}",
            console=people,
            disable=not people.is_terminal,
        )
        hours = [own for chunk in chunks for own in chunk]
    lines = calibration(city, hours)
    table = Table(title=f"seed {seed}, year {year}")
    for column in ("figure", "found", "target", ""):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for line in lines:
        table.add_row(
            line.name,
            _shown(line.found),
            _shown(line.low) if line.low == line.high else f"{line.low:g} to {line.high:g}",
            "met" if line.is_met else "[red]missed[/red]",
        )
    always = [own for own, i in zip(hours, city.instruments, strict=True) if i.always_on]
    table.add_row("always on, outside means and bands", f"{len(always):,}", "", "")
    Console().print(table)
    if not all(line.is_met for line in lines):
        sys.exit(1)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value > 10 else f"{value:.4f}"


if __name__ == "__main__":
    typer.run(main)
