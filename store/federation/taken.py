"""What a follower takes of a city: the newest rollup of each window, never an older one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from models.federation_file import CityEntry
from models.rollup import Rollup, Span
from models.rollup_sums import pack, total_of
from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("federation")


class NotNewerError(Exception):
    """A rollup is older than what is there, or another one of the same revision."""


class Place(NamedTuple):
    """How far a city was taken."""

    city_key: int
    #: Everything up to this revision.
    taken: int


def name_cities(cities: Sequence[CityEntry]) -> Steps[None]:
    """Has just these cities followed."""
    yield Query(_SQL["forget_cities"], {"cities": [one.city for one in cities]})
    for one in cities:
        yield Query(
            _SQL["put_city"],
            {
                "city": one.city,
                "name": one.name,
                "url": one.url,
                "region": one.region,
                "region_name": one.region_name,
            },
        )


def load_place(city: str) -> Steps[Place]:
    """How far a city was taken, which is followed."""
    rows = yield from Query[tuple[int, int]](_SQL["place"], {"city": city})
    return Place._make(rows[0])


def try_lock(of: int) -> Steps[bool]:
    """Whether nobody else takes of this city, or publishes (0); held with the connection."""
    ((locked,),) = yield from Query[tuple[bool]](_SQL["lock"], {"of": of})
    return locked


def note_asked(city_key: int) -> Steps[None]:
    """A city is asked now."""
    yield Query(_SQL["asked"], {"city": city_key})


def note_heard(place: Place, taken: int) -> Steps[None]:
    """All that a city had published was taken, up to a revision."""
    yield Query(_SQL["heard"], {"city": place.city_key, "taken": taken})


def note_failed(place: Place, taken: int, why: str) -> Steps[None]:
    """A city could not be asked, or not all that it gave be taken."""
    yield Query(_SQL["failed"], {"city": place.city_key, "taken": taken, "why": why})


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A rollup whose signature holds."""

    rollup: Rollup
    sha256: bytes
    signature: bytes
    #: As it was signed, packed by gzip.
    document: bytes


class Held(NamedTuple):
    """What there is of a window."""

    rollup_key: int
    start_us: int
    end_us: int
    revision: int
    first_revision: int
    sha256: bytes
    total: bytes | None


def load_held(city_key: int, span: Span, start_us: int) -> Steps[Held | None]:
    """What there is of a window; the moment of `Span.NOW` is any."""
    rows = yield from Query[tuple[object, ...]](
        _SQL["held"], {"city": city_key, "span": span.value, "start": from_us(start_us)}
    )
    return Held._make(rows[0]) if rows else None


def take(city_key: int, arrived: Arrived) -> Steps[bool]:
    """Puts a rollup in the place of the one before it; one transaction.

    Returns:
        Whether it was not there already.

    Raises:
        NotNewerError: There is a newer one, or another of its revision.
    """
    rollup = arrived.rollup
    held = yield from load_held(city_key, rollup.span, rollup.start_us)
    if held is not None:
        if held.revision > rollup.revision:
            raise NotNewerError(
                f"revision {rollup.revision} is older than {held.revision}, which is here"
            )
        if held.revision == rollup.revision:
            if held.sha256 != arrived.sha256:
                raise NotNewerError(f"there is another revision {rollup.revision} here")
            return False
        yield Query(_SQL["drop"], {"rollup": held.rollup_key})
    window = {
        "city": city_key,
        "span": rollup.span.value,
        "start": from_us(rollup.start_us),
        "end": from_us(rollup.end_us),
        "revision": rollup.revision,
    }
    cells = sorted(rollup.cells)
    ((key,),) = yield from Query[tuple[int]](
        _SQL["take"],
        {
            **window,
            "first": rollup.revision if held is None else held.first_revision,
            "as_of": from_us(rollup.as_of_us),
            "complete": None if rollup.complete_us is None else from_us(rollup.complete_us),
            "key_id": rollup.key_id,
            "sha256": arrived.sha256,
            "signature": arrived.signature,
            "document": arrived.document,
            "districts": [cell.district for cell in cells],
            "classes": [cell.class_code for cell in cells],
            "kinds": [cell.kind for cell in cells],
        },
    )
    for part, end_us in enumerate((rollup.end_us, *rollup.parts)):
        rows = [rollup.cells[cell][part] for cell in cells]
        total = pack([total_of(rows, rollup.columns)])
        yield Query(
            _SQL["take_part"],
            {
                "rollup": key,
                "part": part,
                "end": from_us(end_us),
                "total": total,
                "cells": pack(rows),
            },
        )
        if part == 0 and held is not None and rollup.span is not Span.NOW and held.total != total:
            yield Query(
                _SQL["amend"],
                {**window, "was_revision": held.revision, "was": held.total, "became": total},
            )
    return True
