"""What users say of measured uses: graded, once a session and reference; a fault is a downtime.

The reference names a user or their order elsewhere: it stands apart, and goes without a trace in
anything that is counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.feedback import MARKS, Marks, Summed
from models.session import Session
from models.usage import Window
from store.figures.subject import Subject
from store.figures.surroundings import load_moment
from store.figures.timeline import load_sessions
from store.instant import from_us
from store.present.filters import Filters
from store.registry.audit import note
from store.registry.maintenance import create_maintenance
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("feedback")
#: How far on either side of an instant its session is looked for.
_REACH_US = 31 * 86_400_000_000
_MOST = 1 << 30


class NoSessionError(Exception):
    """No measured session holds the instant; the caller says so."""


class SaidOtherwiseError(Exception):
    """The same reference said something else of the same session; the caller says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is said of the session that holds an instant."""

    at_us: int
    reference: str
    marks: Marks
    fault: bool
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What was said, as it is kept."""

    feedback_id: int
    instrument_id: str
    institution_id: str
    at_us: int
    marks: Marks
    fault: bool
    text: str | None
    #: The downtime that the fault opened, or was found in.
    maintenance_id: int | None
    #: None: it was erased.
    reference: str | None
    actor: str
    created_us: int

    def noted(self) -> dict[str, Any]:
        """As the audit shows it: without whoever said it."""
        return {
            "instrument_id": self.instrument_id,
            "institution_id": self.institution_id,
            "at": from_us(self.at_us),
            **self.marks._asdict(),
            "fault": self.fault,
            "maintenance_id": self.maintenance_id,
        }


def say(
    subject: Subject, instrument_id: str, said: Said, *, actor: str
) -> Steps[tuple[bool, Feedback]]:
    """Keeps feedback; whether it is new. The very same again changes nothing.

    Raises:
        NoSessionError: nothing was measured at that instant that is a session.
        SaidOtherwiseError: the reference has said something else of that session.
    """
    yield Query(_SQL["lock"], {"key": subject.key})
    session = yield from _session_at(subject, said.at_us)
    if session is None:
        raise NoSessionError
    rows = yield from Query[tuple[int]](
        _SQL["said"],
        {
            "key": subject.key,
            "reference": said.reference,
            "start": from_us(session.start_us),
            "end": from_us(session.end_us),
        },
    )
    if rows:
        found = yield from find_feedback(rows[0][0])
        assert found is not None, "it was just read"
        if (found.marks, found.fault, found.text) != (said.marks, said.fault, said.text):
            raise SaidOtherwiseError
        return False, found
    number = yield from _write(subject.key, instrument_id, said, actor)
    made = yield from find_feedback(number)
    assert made is not None, "it was just written"
    yield from _noted(actor, "create", None, made)
    return True, made


def _write(key: int, instrument_id: str, said: Said, actor: str) -> Steps[int]:
    at = from_us(said.at_us)
    maintenance: int | None = None
    if said.fault:
        down = yield from Query[tuple[int]](_SQL["down_at"], {"key": key, "at": at})
        if down:
            maintenance = down[0][0]
        else:
            opened = yield from create_maintenance(
                instrument_id=instrument_id,
                start_us=said.at_us,
                end_us=None,
                kind="down",
                reason="a user said that it is faulty",
                actor=actor,
            )
            maintenance = opened.maintenance_id
    ((number,),) = yield from Query[tuple[int]](
        _SQL["write"],
        {
            "key": key,
            "at": at,
            **said.marks._asdict(),
            "fault": said.fault,
            "text": said.text,
            "maintenance": maintenance,
            "actor": actor,
        },
    )
    yield Query(_SQL["write_person"], {"id": number, "reference": said.reference})
    return number


def _session_at(subject: Subject, at_us: int) -> Steps[Session | None]:
    """The measured session that holds an instant."""
    moment = yield from load_moment()
    window = Window(start_us=max(0, at_us - _REACH_US), end_us=at_us + _REACH_US)
    found = yield from load_sessions(subject, window.clip(moment.now_us), moment, _MOST)
    return next((one for one in found if one.start_us <= at_us < one.end_us), None)


def list_feedback(
    *,
    limit: int,
    feedback_id: int | None = None,
    instrument_key: int | None = None,
    start_us: int | None = None,
    end_us: int | None = None,
    after: tuple[int, int] | None = None,
    tenant: int | None = None,
) -> Steps[list[Feedback]]:
    """In order of the instants that it is of."""
    rows = yield Query(
        _SQL["list"],
        {
            "limit": limit,
            "id": feedback_id,
            "key": instrument_key,
            "start": None if start_us is None else from_us(start_us),
            "end": None if end_us is None else from_us(end_us),
            "after_at": None if after is None else from_us(after[0]),
            "after_id": None if after is None else after[1],
            "tenant": tenant,
        },
    )
    return [_read(row) for row in rows]


def find_feedback(feedback_id: int, tenant: int | None = None) -> Steps[Feedback | None]:
    """One by its id."""
    found = yield from list_feedback(limit=1, feedback_id=feedback_id, tenant=tenant)
    return found[0] if found else None


def erase_reference(feedback_id: int, *, actor: str, tenant: int | None = None) -> Steps[bool]:
    """Forgets who said it; whether there is such feedback. No grade changes."""
    found = yield from find_feedback(feedback_id, tenant)
    if found is None:
        return False
    yield Query(_SQL["erase"], {"id": feedback_id})
    home = {"institution_id": found.institution_id}
    yield from note(
        actor=actor,
        action="erase",
        object_type="feedback",
        object_id=str(feedback_id),
        before={**home, "reference": found.reference is not None},
        after={**home, "reference": None},
    )
    return True


def erase_person(reference: str, *, actor: str, tenant: int | None = None) -> Steps[int]:
    """Forgets a user wherever feedback names them; in how many words of theirs."""
    rows = yield from Query[tuple[int]](
        _SQL["erase_person"], {"reference": reference, "tenant": tenant}
    )
    ids = sorted(number for (number,) in rows)
    if ids:
        yield from note(
            actor=actor,
            action="erase",
            object_type="person",
            object_id="forgotten",
            before={"feedback": ids},
            after={"feedback": []},
        )
    return len(ids)


def sum_feedback(
    filters: Filters, group_by: str | None, window: Window
) -> Steps[dict[str | None, Summed]]:
    """What was said of uses within a window, by group."""
    rows = yield from Query[tuple[Any, ...]](
        _SQL["sums"],
        {
            **filters.params(),
            "group_by": group_by,
            "start": from_us(window.start_us),
            "end": from_us(window.end_us),
        },
    )
    return {row[0]: _summed(row[1:]) for row in rows}


def _summed(row: Sequence[Any]) -> Summed:
    pairs = row[7:]
    return Summed(
        count=row[0],
        faults=row[1],
        grades=tuple(row[2:7]),
        marks={
            name: (pairs[2 * place], int(pairs[2 * place + 1] or 0))
            for place, name in enumerate(MARKS)
        },
    )


def _noted(actor: str, action: str, before: Feedback | None, after: Feedback) -> Steps[None]:
    yield from note(
        actor=actor,
        action=action,
        object_type="feedback",
        object_id=str(after.feedback_id),
        before=None if before is None else before.noted(),
        after=after.noted(),
    )


def _read(row: Sequence[Any]) -> Feedback:
    number, instrument, institution, at_us, *rest = row
    fault, text, maintenance, reference, actor, created_us = rest[6:]
    return Feedback(
        feedback_id=number,
        instrument_id=instrument,
        institution_id=institution,
        at_us=at_us,
        marks=Marks(*rest[:6]),
        fault=fault,
        text=text,
        maintenance_id=maintenance,
        reference=reference,
        actor=actor,
        created_us=created_us,
    )
