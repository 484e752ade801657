"""What people say of uses of instruments, and the persons apart from it.

A person goes without a trace in anything that is counted or frozen; what the audit keeps of an
annotation has none either.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from models.period import frozen
from models.record import Annotation, Person, Purpose
from models.timestamp import format_instant
from models.usage import Window
from store.instant import from_us
from store.registry.audit import note
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("annotations")
_encode = msgspec.json.Encoder().encode
_FIELDS = (
    "annotation_id",
    "at_us",
    "purpose",
    "user_type",
    "user_unit",
    "direction",
    "content",
    "amount_cny",
    "samples",
    "more",
)


class Said(NamedTuple):
    """An annotation as it comes in."""

    instrument_key: int
    reference: str | None
    annotation: Annotation
    person: Person | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An annotation as it is kept."""

    annotation: Annotation
    instrument_id: str
    institution_id: str
    reference: str | None
    actor: str
    created_us: int
    changed_us: int
    person: Person | None

    def noted(self) -> dict[str, Any]:
        """As the audit shows it."""
        said = frozen(self.annotation) or {}
        said["at"] = format_instant(said.pop("at_us"))
        return {
            "instrument_id": self.instrument_id,
            "institution_id": self.institution_id,
            "reference": self.reference,
            "names_person": self.person is not None,
            **said,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of annotations that came in."""

    created: int
    updated: int
    unchanged: int


def _annotation(row: Sequence[Any]) -> Annotation:
    said = dict(zip(_FIELDS, row, strict=True))
    purpose = said["purpose"]
    return Annotation(**{**said, "purpose": None if purpose is None else Purpose(purpose)})


def load_annotations(keys: Sequence[int], window: Window) -> Steps[dict[int, list[Annotation]]]:
    """What was said of instants of a window: by instrument, in order of the instants."""
    rows = yield from Query[tuple[Any, ...]](
        _SQL["within"],
        {"keys": list(keys), "start": from_us(window.start_us), "end": from_us(window.end_us)},
        binary=True,
    )
    found: dict[int, list[Annotation]] = defaultdict(list)
    for key, *row in rows:
        found[key].append(_annotation(row))
    return found


def list_annotations(
    *,
    instrument_key: int | None = None,
    annotation_id: int | None = None,
    tenant: int | None = None,
    start_us: int | None = None,
    end_us: int | None = None,
    after: tuple[int, int] | None = None,
    limit: int = 1,
) -> Steps[list[Kept]]:
    """Annotations in order of their instants.

    Args:
        instrument_key: Of this instrument alone.
        annotation_id: Just this one.
        tenant: Of instruments that are this institution's now.
        start_us: At this instant or later.
        end_us: Before this instant.
        after: Instant and id of the last one that was shown.
        limit: How many at most.
    """
    rows = yield from Query[tuple[Any, ...]](
        _SQL["list"],
        {
            "key": instrument_key,
            "id": annotation_id,
            "tenant": tenant,
            "start": None if start_us is None else from_us(start_us),
            "end": None if end_us is None else from_us(end_us),
            "after_at": None if after is None else from_us(after[0]),
            "after_id": None if after is None else after[1],
            "limit": limit,
        },
        binary=True,
    )
    return [_kept(row) for row in rows]


def _kept(row: Sequence[Any]) -> Kept:
    said, (instrument, institution, reference, actor, created, changed), who = (
        row[: len(_FIELDS)],
        row[len(_FIELDS) : -4],
        Person(**dict(zip(_PERSON, row[-4:], strict=True))),
    )
    return Kept(
        annotation=_annotation(said),
        instrument_id=instrument,
        institution_id=institution,
        reference=reference,
        actor=actor,
        created_us=created,
        changed_us=changed,
        person=who if who != Person() else None,
    )


_PERSON = ("operator_ref", "name", "phone", "email")


def find_annotation(annotation_id: int, tenant: int | None = None) -> Steps[Kept | None]:
    """One by its id; with a ``tenant``, of an instrument of that institution alone."""
    found = yield from list_annotations(annotation_id=annotation_id, tenant=tenant)
    return found[0] if found else None


def write_annotations(said: Sequence[Said], actor: str) -> Steps[Written]:
    """Writes annotations that have references; of several with one reference the last counts.

    What is there already and says the same, persons included, is left as it is.
    """
    last = {(one.instrument_key, one.reference): one for one in said}
    rows = yield from Query[tuple[int, bool]](
        _SQL["write"], {"rows": _rows(list(last.values())), "actor": actor}
    )
    created = {number for number, is_new in rows if is_new}
    changed = {number for number, is_new in rows if not is_new}
    ids = yield from Query[tuple[int, str, int]](
        _SQL["ids"],
        {"keys": [key for key, _ in last], "references": [name for _, name in last]},
        binary=True,
    )
    persons = {number: last[key, name].person for key, name, number in ids}
    changed |= (yield from _put_persons(persons)) - created
    return Written(
        created=len(created),
        updated=len(changed),
        unchanged=len(said) - len(created) - len(changed),
    )


def _rows(said: Sequence[Said]) -> str:
    """Annotations as ``annotations.sql: write`` takes them."""
    rows = []
    for one in said:
        fields = {name: getattr(one.annotation, name) for name in _FIELDS[1:]}
        rows.append({**fields, "instrument_key": one.instrument_key, "reference": one.reference})
    return _encode(rows).decode()


def _put_persons(persons: dict[int, Person | None]) -> Steps[set[int]]:
    """Has annotations name just these persons; which of them named others."""
    none = [number for number, person in persons.items() if person is None]
    some = [(number, person) for number, person in persons.items() if person is not None]
    gone = yield from Query[tuple[int]](_SQL["erase_persons"], {"ids": none})
    put = yield from Query[tuple[int]](
        _SQL["put_persons"],
        {
            "ids": [number for number, _ in some],
            "operators": [person.operator_ref for _, person in some],
            "names": [person.name for _, person in some],
            "phones": [person.phone for _, person in some],
            "emails": [person.email for _, person in some],
        },
    )
    return {number for (number,) in [*gone, *put]}


def create_annotation(said: Said, actor: str) -> Steps[tuple[bool, Kept]]:
    """Writes one; whether it is new, and how it stands. A reference that is known says it anew."""
    before: Kept | None = None
    number: int | None = None
    if said.reference is not None:
        ids = yield from Query[tuple[int, str, int]](
            _SQL["ids"], {"keys": [said.instrument_key], "references": [said.reference]}
        )
        if ids:
            number = ids[0][2]
            before = yield from find_annotation(number)
    rows = yield from Query[tuple[int, bool]](
        _SQL["write"], {"rows": _rows([said]), "actor": actor}
    )
    number = rows[0][0] if rows else number
    assert number is not None, "what is not written stands there already"
    changed = yield from _put_persons({number: said.person})
    after = yield from find_annotation(number)
    assert after is not None, "it was just written"
    if rows or changed:
        yield from _noted(actor, "create" if before is None else "update", number, before, after)
    return before is None, after


def change_annotation(
    annotation_id: int, annotation: Annotation, person: Person | None, actor: str
) -> Steps[Kept]:
    """Has one that is there say something else."""
    yield Query(_SQL["lock"], {"id": annotation_id})
    before = yield from find_annotation(annotation_id)
    assert before is not None, "whoever changes it has found it"
    fields = {name: getattr(annotation, name) for name in _FIELDS[2:]}
    yield Query(
        _SQL["update"],
        {
            **fields,
            "at": from_us(annotation.at_us),
            "more": json.dumps(dict(annotation.more)),
            "id": annotation_id,
            "actor": actor,
        },
    )
    yield from _put_persons({annotation_id: person})
    after = yield from find_annotation(annotation_id)
    assert after is not None, "it was just changed"
    yield from _noted(actor, "update", annotation_id, before, after)
    return after


def delete_annotation(annotation_id: int, *, actor: str, tenant: int | None = None) -> Steps[bool]:
    """Takes one away with its person; whether there was one. Closed periods keep what it said."""
    yield Query(_SQL["lock"], {"id": annotation_id})
    before = yield from find_annotation(annotation_id, tenant)
    if before is None:
        return False
    yield Query(_SQL["delete"], {"id": annotation_id})
    yield from _noted(actor, "delete", annotation_id, before, None)
    return True


def erase_person_of(annotation_id: int, *, actor: str, tenant: int | None = None) -> Steps[bool]:
    """Forgets the person of one annotation; whether there is such an annotation."""
    found = yield from find_annotation(annotation_id, tenant)
    if found is None:
        return False
    yield Query(_SQL["erase_persons"], {"ids": [annotation_id]})
    yield from note(
        actor=actor,
        action="erase",
        object_type="annotation",
        object_id=str(annotation_id),
        before={**_home(found), "person": found.person is not None},
        after={**_home(found), "person": None},
    )
    return True


def erase_persons(
    *, operator_ref: str | None, email: str | None, actor: str, tenant: int | None = None
) -> Steps[int]:
    """Forgets a person wherever they are named; in how many annotations.

    Args:
        operator_ref: Who; with ``email`` as well, only where both are said.
        email: Who, in whatever case it is written.
        actor: As the audit names who asks; it does not say who was forgotten.
        tenant: In annotations of this institution's instruments alone.
    """
    rows = yield from Query[tuple[int]](
        _SQL["erase_person"], {"operator_ref": operator_ref, "email": email, "tenant": tenant}
    )
    ids = sorted(number for (number,) in rows)
    yield from note(
        actor=actor,
        action="erase",
        object_type="person",
        object_id="forgotten",
        before={"annotations": ids},
        after={"annotations": []},
    )
    return len(ids)


def load_persons(annotations: Sequence[Annotation]) -> Steps[dict[int, Person]]:
    """Who is named, by the id of each annotation as records have them: the newest named one's.

    Args:
        annotations: Frozen or not; persons are as they are now.
    """
    ids = {
        number: (number, *one.older)
        for one in annotations
        if (number := one.annotation_id) is not None
    }
    rows = yield from Query[tuple[Any, ...]](
        _SQL["persons"],
        {"ids": sorted({each for some in ids.values() for each in some})},
        binary=True,
    )
    named = {number: Person(**dict(zip(_PERSON, who, strict=True))) for number, *who in rows}
    found: dict[int, Person] = {}
    for number, some in ids.items():
        person = next((named[each] for each in some if each in named), None)
        if person is not None:
            found[number] = person
    return found


def _home(one: Kept) -> dict[str, Any]:
    return {"instrument_id": one.instrument_id, "institution_id": one.institution_id}


def _noted(
    actor: str, action: str, number: int, before: Kept | None, after: Kept | None
) -> Steps[None]:
    yield from note(
        actor=actor,
        action=action,
        object_type="annotation",
        object_id=str(number),
        before=None if before is None else before.noted(),
        after=None if after is None else after.noted(),
    )
