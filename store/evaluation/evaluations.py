"""Evaluations as they are kept: made once, found, listed, and never changed.

Statements are in ``sql/evaluations.sql``; what institutions say of one is in ``objections.py``.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from models.evaluation import Placed
from models.evaluation_file import inputs_told, result_told
from models.period import Period
from models.scheme_document import SchemeDocument
from store.instant import from_us
from store.run import Query, Steps
from store.statements import statements
from store.wanted import Wanted, array

_SQL = statements("evaluations")
_encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
# Rows that go into one statement.
_ROWS = 2_000


class Evaluation(NamedTuple):
    """What was judged by what."""

    evaluation_id: int
    scheme: str
    scheme_version: int
    #: "instrument" or "institution".
    subject: str
    #: Ascending.
    period_ids: list[int]
    start_us: int
    end_us: int
    timezone: str
    subjects: int
    #: Those that reach every floor.
    ranked: int
    made_us: int
    made_by: str
    #: Objections, and those that wait for an answer; of an institution, its own.
    objections: int
    unanswered: int


class Subject(NamedTuple):
    """One that was judged."""

    #: By rank and id, from 1.
    place: int
    subject_id: str
    institution_id: str
    name: str
    #: As they are published, numbers with all their digits.
    inputs: dict[str, Any]
    result: dict[str, Any]


def add_evaluation(
    scheme: SchemeDocument, periods: Sequence[Period], placed: Sequence[Placed], *, actor: str
) -> Steps[tuple[int, int]]:
    """Keeps what a scheme made of closed periods, without its files.

    Returns:
        Its id, and when it was made.
    """
    first = periods[0]
    rows = yield from Query[tuple[int, int]](
        _SQL["add"],
        {
            "scheme": scheme.name,
            "version": scheme.version,
            "subject": scheme.subject,
            "periods": sorted(one.period_id for one in periods),
            "start": from_us(first.start_us),
            "end": from_us(first.end_us),
            "timezone": first.timezone,
            "subjects": len(placed),
            "ranked": sum(one.rank is not None for one in placed),
            "actor": actor,
            "document": json.dumps(scheme.to_json(), ensure_ascii=False),
        },
    )
    ((evaluation_id, made_us),) = rows
    for at in range(0, len(placed), _ROWS):
        part = placed[at : at + _ROWS]
        yield Query(
            _SQL["add_subjects"],
            {
                "evaluation": evaluation_id,
                "first": at + 1,
                "subjects": [one.judged.subject_id for one in part],
                "institutions": [one.judged.institution_id for one in part],
                "names": [one.judged.name for one in part],
                "inputs": [_encode(inputs_told(one.judged.inputs)).decode() for one in part],
                "results": [_encode(result_told(scheme, one)).decode() for one in part],
            },
        )
    return evaluation_id, made_us


def keep_files(evaluation_id: int, files: Mapping[str, bytes]) -> Steps[None]:
    """Keeps an evaluation's files, manifest and signature among them."""
    for name, data in files.items():
        values = {"evaluation": evaluation_id, "name": name, "bytes": data}
        yield Query(_SQL["add_file"], values)


def load_files(evaluation_id: int) -> Steps[dict[str, bytes]]:
    """All its files by name, as they were signed; none: there is no such evaluation."""
    rows = yield from Query[tuple[str, bytes]](
        _SQL["files"], {"evaluation": evaluation_id}, binary=True
    )
    return {name: bytes(data) for name, data in rows}


def list_evaluations(
    *, before: int | None, limit: int, tenant: str | None, evaluation_id: int | None = None
) -> Steps[list[Evaluation]]:
    """The newest first; with a ``tenant``, those in which that institution is judged."""
    rows = yield from Query[tuple[Any, ...]](
        _SQL["list"],
        {"before": before, "limit": limit, "tenant": tenant, "id": evaluation_id},
    )
    return [Evaluation._make(row) for row in rows]


def find_evaluation(evaluation_id: int, tenant: str | None = None) -> Steps[Evaluation | None]:
    """One by its id; None where there is none, or the tenant is not judged in it."""
    found = yield from list_evaluations(
        before=None, limit=1, tenant=tenant, evaluation_id=evaluation_id
    )
    return found[0] if found else None


def load_document(evaluation_id: int) -> Steps[dict[str, Any]]:
    """The scheme that it was made by, as it was written."""
    rows = yield from Query[tuple[dict[str, Any]]](_SQL["document"], {"evaluation": evaluation_id})
    return rows[0][0]


def load_judgements(
    evaluation_id: int,
    *,
    after: int,
    limit: int,
    tenant: str | None,
    institution: Wanted[str] = None,
    subjects: Wanted[str] = None,
) -> Steps[list[Subject]]:
    """Those that were judged in order of their places; with a ``tenant``, its own alone."""
    rows = yield from Query[tuple[Any, ...]](
        _SQL["subjects"],
        {
            "evaluation": evaluation_id,
            "after": after,
            "limit": limit,
            "tenant": tenant,
            "institution": array(institution),
            "subjects": array(subjects),
        },
    )
    return [
        Subject(place, subject_id, institution_id, name, _decode(inputs), _decode(result))
        for place, subject_id, institution_id, name, inputs, result in rows
    ]
