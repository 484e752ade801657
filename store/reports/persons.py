"""Who asked for uses that a closed period records, for what is sent and not kept.

They stand apart from everything that is frozen, so they are as of now: whoever was erased is not
among them. Statements are in `sql/persons.sql`.
"""

from collections.abc import Sequence
from typing import Any

from models.period import Period
from models.record import Person, Record
from store.run import Query, Steps
from store.statements import statements


def persons_of(what: Period | Record) -> Steps[dict[int, Person]]:
    """Persons of one record, or of all records of a period, by annotation."""
    sql = statements("persons")
    if isinstance(what, Period):
        rows = yield Query(sql["of_period"], {"period": what.period_id})
        return _persons(rows)
    said = what.annotation
    if said is None:
        return {}
    ids = [one for one in (said.annotation_id, *said.older) if one is not None]
    rows = yield Query(sql["of_annotations"], {"annotations": ids})
    return _persons(rows)


def _persons(rows: Sequence[Any]) -> dict[int, Person]:
    return {
        annotation_id: Person(operator_ref=ref, name=name, phone=phone, email=email)
        for annotation_id, ref, name, phone, email in rows
    }
