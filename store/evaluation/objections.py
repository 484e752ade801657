"""Objections of institutions to an evaluation, and their answers; nothing of it is changed by them.

Statements are in ``sql/evaluations.sql``.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from models.timestamp import format_instant
from store.registry.audit import note
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("evaluations")


class Answered(Exception):  # noqa: N818 - named after what is so
    """An answer that was given stays."""

    def __init__(self, objection: "Objection") -> None:
        assert objection.answered_us is not None
        super().__init__(
            f"objection {objection.objection_id} was answered at"
            f" {format_instant(objection.answered_us)} by {objection.answered_by}: an answer stays"
        )


class Objection(NamedTuple):
    """What an institution says against its score."""

    objection_id: int
    evaluation_id: int
    subject_id: str
    institution_id: str
    text: str
    made_us: int
    made_by: str
    answer: str | None
    answered_us: int | None
    answered_by: str | None


def shown(one: Objection) -> dict[str, Any]:
    """An objection as the API and the audit show it."""
    return {
        "objection_id": one.objection_id,
        "evaluation_id": one.evaluation_id,
        "subject_id": one.subject_id,
        "institution_id": one.institution_id,
        "text": one.text,
        "made_at": format_instant(one.made_us),
        "made_by": one.made_by,
        "answer": one.answer,
        "answered_at": None if one.answered_us is None else format_instant(one.answered_us),
        "answered_by": one.answered_by,
    }


def list_objections(
    evaluation_id: int,
    *,
    tenant: str | None,
    after: int = 0,
    limit: int | None = None,
    subjects: Sequence[str] | None = None,
    objection_id: int | None = None,
) -> Steps[list[Objection]]:
    """In the order in which they were made; with a ``tenant``, its own alone."""
    rows = yield from Query[tuple[Any, ...]](
        _SQL["objections"],
        {
            "evaluation": evaluation_id,
            "tenant": tenant,
            "after": after,
            "limit": limit,
            "subjects": None if subjects is None else list(subjects),
            "objection": objection_id,
        },
    )
    return [Objection._make(row) for row in rows]


def add_objection(
    evaluation_id: int, subject_id: str, text: str, *, actor: str, tenant: str | None
) -> Steps[Objection | None]:
    """What somebody says against a score; None: nobody of that id is judged in it."""
    rows = yield from Query[tuple[int]](
        _SQL["object"],
        {
            "evaluation": evaluation_id,
            "subject": subject_id,
            "text": text,
            "actor": actor,
            "tenant": tenant,
        },
    )
    if not rows:
        return None
    (made,) = yield from list_objections(evaluation_id, tenant=None, objection_id=rows[0][0])
    yield from _noted(actor, "create", None, made)
    return made


def answer_objection(
    evaluation_id: int, objection_id: int, text: str, *, actor: str
) -> Steps[Objection | None]:
    """Answers one, once; None: there is none.

    Raises:
        Answered: It was answered before, in other words.
    """
    before = yield from list_objections(evaluation_id, tenant=None, objection_id=objection_id)
    yield Query(
        _SQL["answer"],
        {
            "evaluation": evaluation_id,
            "objection": objection_id,
            "text": text,
            "actor": actor,
        },
    )
    after = yield from list_objections(evaluation_id, tenant=None, objection_id=objection_id)
    if not after:
        return None
    if after[0].answer != text:
        raise Answered(after[0])
    if before != after:
        yield from _noted(actor, "answer", before[0], after[0])
    return after[0]


def _noted(actor: str, action: str, before: Objection | None, after: Objection) -> Steps[None]:
    yield from note(
        actor=actor,
        action=action,
        object_type="objection",
        object_id=str(after.objection_id),
        before=None if before is None else shown(before),
        after=shown(after),
    )
