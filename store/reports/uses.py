"""What a period records of some instruments: figures, uses, and what was said of these.

A use is a session cut to the period and to the instrument's service, so that uses add up to the
effective time that ``/v1/utilization`` tells. Of an instrument that nobody heard, hours that its
institution reported stand for it. Everything follows from the database's state, so whoever freezes
it and whoever looks at it today read one and the same.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple

from models.confirmed import Confirmed
from models.group import in_service
from models.period import Period, merge_annotations, said_of
from models.record import Annotation, Source, Use
from models.usage import Usage, Window
from store.figures.figures import usages
from store.figures.members import Member, load_members
from store.figures.question import Question
from store.figures.subject import Subject, load_subjects, zone_of
from store.figures.surroundings import Moment
from store.instant import from_us
from store.present.filters import Filters
from store.reports.annotations import load_annotations
from store.reports.confirming import load_confirmed
from store.reports.sessions import NO_SESSIONS, load_sessions
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("periods")
_START = attrgetter("start_us", "end_us")
_NONE = (NO_SESSIONS, NO_SESSIONS)
#: Instruments that are read at once.
AT_ONCE = 48


class Placed(NamedTuple):
    """An instrument in service during a period."""

    instrument_id: str
    member: Member


@dataclass(slots=True, kw_only=True)
class Used:
    """What a period records of an instrument."""

    key: int
    instrument_id: str
    institution_id: str
    #: The registry of the period's end, as ``models/record.py: Subject`` has it.
    subject: str
    #: What the figures were made by.
    settings: str
    #: None: no heartbeat before the period's end.
    usage: Usage | None
    uses: list[Use] = field(default_factory=list)
    #: None: it was not asked for.
    confirmed: Confirmed | None = None


def load_placed(period: Period, moment: Moment) -> Steps[list[Placed]]:
    """Who was in service during a period, by the registry of its end; in order of their ids."""
    institution = period.institution_id
    question = Question(
        window=period.window.clip(moment.now_us),
        filters=Filters(institution=None if institution is None else frozenset({institution})),
        group_by="institution",
    )
    members = yield from load_members(question)
    by_key = {member.key: member for member in members}
    rows = yield from Query[tuple[int, str]](_SQL["ordered"], {"keys": list(by_key)}, binary=True)
    return [Placed(name, by_key[key]) for key, name in rows]


def load_used(
    placed: Sequence[Placed], period: Period, moment: Moment, *, confirming: bool = False
) -> Steps[list[Used]]:
    """What a period records of instruments, in the same order.

    Args:
        placed: At most `AT_ONCE`.
        period: One that lies ahead records nothing.
        moment: Of the answer.
        confirming: Whether to tell what of it is confirmed.
    """
    keys = [one.member.key for one in placed]
    window = period.window.clip(moment.now_us)
    span = {"keys": keys, "start": from_us(window.start_us), "end": from_us(window.end_us)}
    subjects = yield from load_subjects(keys)
    heard = [subjects[one.member.key] for one in placed if one.member.seen]
    windows = {
        one.member.key: in_service(
            window, one.member.acquired_on, one.member.retired_on, zone_of(one.member.timezone)
        )
        for one in placed
    }
    figures = yield from usages(heard, {one.key: [windows[one.key]] for one in heard}, moment)
    cut = yield from load_sessions(heard, windows, moment, confirming=confirming)
    reported = yield from _load_reported(subjects, windows, span, moment)
    notes = yield from load_annotations(keys, window)
    rows = yield from Query[tuple[int, str, str]](_SQL["registry"], span, binary=True)
    registry = {key: (subject, settings) for key, subject, settings in rows}
    found: list[Used] = []
    for one in placed:
        key = one.member.key
        subject = subjects[key]
        of = _sources(subject)
        uses = [
            Use(start, end, running, of(start), None)
            for start, end, running in zip(
                *(column.tolist() for column in cut.get(key, _NONE)[0]), strict=True
            )
        ]
        uses = sorted([*uses, *reported.get(key, ())], key=_START)
        found.append(
            Used(
                key=key,
                instrument_id=one.instrument_id,
                institution_id=one.member.group or "",
                subject=registry[key][0],
                settings=registry[key][1],
                usage=figures[key][0] if key in figures else None,
                uses=_annotated(uses, notes[key]) if key in notes else uses,
            )
        )
    if confirming:
        recorded = {one.key: one.uses for one in found}
        confirmed = yield from load_confirmed(subjects, windows, cut, notes, recorded)
        for used in found:
            used.confirmed = confirmed[used.key]
    return found


def _sources(subject: Subject) -> Callable[[int], Source]:
    """Where the states of an instant come from."""
    if all(version.rule is None for version in subject.versions):
        return lambda _: Source.MEASURED
    return lambda at: Source.MEASURED if subject.version_at(at).rule is None else Source.RULE


def _annotated(uses: Sequence[Use], notes: Sequence[Annotation]) -> list[Use]:
    """Uses with what was said of each: an annotation is of the use that holds its instant.

    Args:
        uses: By start; they may overlap where hours were reported.
        notes: By instant.
    """
    said = said_of([(use.start_us, use.end_us) for use in uses], notes)
    return [
        use
        if one is None
        else use._replace(
            annotation=one if use.annotation is None else merge_annotations([one, use.annotation])
        )
        for use, one in zip(uses, said, strict=True)
    ]


def _load_reported(
    subjects: Mapping[int, Subject],
    service: Mapping[int, Window],
    span: Mapping[str, Any],
    moment: Moment,
) -> Steps[dict[int, list[Use]]]:
    """Hours that institutions reported of windows in which nothing is known of the instrument.

    Of windows that overlap the first counts, and of those that begin together the longest. One
    that lies wholly out of service is of none.
    """
    rows = yield from Query[tuple[int, int, int, str, int]](_SQL["self_reports"], span, binary=True)
    told: dict[tuple[int, int, int], list[tuple[str, int]]] = {}
    reach: dict[int, tuple[int, int]] = {}
    for key, start, end, user_type, hours in rows:
        if not service[key].cut(start, end).length_us:
            continue
        last = reach.get(key)
        if last is None or start >= last[1]:
            reach[key] = last = (start, end)
        if last == (start, end):
            told.setdefault((key, start, end), []).append((user_type, hours))
    windows: dict[int, list[Window]] = defaultdict(list)
    for key, start, end in told:
        windows[key].append(Window(start_us=start, end_us=end).clip(moment.now_us))
    figures = yield from usages([subjects[key] for key in windows], windows, moment)
    measured = {key: iter(found) for key, found in figures.items()}
    uses: dict[int, list[Use]] = defaultdict(list)
    for (key, start, end), reports in told.items():
        if not next(measured[key]).known_us:
            uses[key] += (_reported(start, end, *one) for one in reports)
    return uses


def _reported(start_us: int, end_us: int, user_type: str, hours_us: int) -> Use:
    said = Annotation(annotation_id=None, at_us=start_us, user_type=user_type)
    return Use(start_us, end_us, hours_us, Source.MANUAL, said if user_type else None)
