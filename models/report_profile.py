"""A report profile, ready to make rows by.

Documents are in `report_profile_document.py`, columns in `report_column.py`, what rows lack for a
form in `report_lack.py`; the shipped profiles are in ``profiles/``, the files that rows become are
written by ``reports/``.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, groupby

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from models.record import Annotation, Person, Record, Subject
from models.report_column import Column
from models.report_profile_document import ProfileDocument
from models.report_sums import Sums
from models.report_value import PeriodFacts, Row
from models.shelf import DocumentError


class ProfileError(DocumentError):
    """A document is no profile; each problem is where it lies, and the rule."""


def _told(error: ErrorDetails) -> str:
    """A broken rule, with the value that breaks it unless that is a part of the document."""
    if error["type"] == "value_error":
        return error["msg"].removeprefix("Value error, ")
    value = error["input"]
    shown = f"; it is {value!r:.60}" if isinstance(value, str | int | float) else ""
    return f"{error['msg']}{shown}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A form."""

    document: ProfileDocument
    columns: tuple[Column, ...]

    @property
    def name(self) -> str:
        """What it is called."""
        return self.document.name

    @property
    def version(self) -> int:
        """Which state of it."""
        return self.document.version

    @classmethod
    def parse(cls, document: object) -> "Profile":
        """A profile of a document as JSON has it.

        Raises:
            ProfileError: with every problem of it.
        """
        try:
            return cls.of(ProfileDocument.model_validate(document))
        except ValidationError as error:
            raise ProfileError(
                [(".".join(map(str, one["loc"])), _told(one)) for one in error.errors()]
            ) from error

    @classmethod
    def of(cls, document: ProfileDocument) -> "Profile":
        """The same of a document that is valid."""
        return cls(document=document, columns=tuple(map(Column.of, document.columns)))


def rows(
    profile: Profile,
    records: Iterable[Record],
    period: PeriodFacts,
    values: Mapping[str, Mapping[str, str]],
    persons: Mapping[int, Person],
    subjects: Iterable[Subject] | None = None,
) -> Iterator[Row]:
    """A form's rows, one after another.

    Args:
        profile: The form.
        records: In the order of their instruments.
        period: What they are of.
        values: By instrument, what was said of it and the period.
        persons: By annotation, who asked; of one that is not there nothing is said.
        subjects: All instruments of the period in the same order: a form with a row an instrument
            has those without records, too. Without them it has those with records.

    Raises:
        ValueError: a record's instrument is not among the subjects, or not in their order.
    """
    nothing: Mapping[str, str] = {}
    if profile.document.row == "record":
        for record in records:
            yield Row(
                period=period,
                subject=record.subject,
                values=values.get(record.subject.instrument_id, nothing),
                record=record,
                annotation=record.annotation,
                person=_person(record.annotation, persons),
            )
        return
    for subject, told in _joined(subjects, _summed(records)):
        yield Row(
            period=period,
            subject=subject,
            values=values.get(subject.instrument_id, nothing),
            sums=told,
        )


def _person(said: Annotation | None, persons: Mapping[int, Person]) -> Person | None:
    """Who asked, by the newest annotation of a session that tells."""
    if said is None or not persons:
        return None
    told = (said.annotation_id, *said.older)
    return next((persons[one] for one in told if one is not None and one in persons), None)


def _summed(records: Iterable[Record]) -> Iterator[tuple[Subject, Sums]]:
    for _, of in groupby(records, lambda record: record.subject.instrument_id):
        first = next(of)
        told = Sums()
        for record in chain((first,), of):
            told.add(record)
        yield first.subject, told


def _joined(
    subjects: Iterable[Subject] | None, summed: Iterator[tuple[Subject, Sums]]
) -> Iterator[tuple[Subject, Sums]]:
    """All subjects with their sums; without subjects, those that have some."""
    if subjects is None:
        yield from summed
        return
    waiting = next(summed, None)
    for subject in subjects:
        if waiting is not None and waiting[0].instrument_id == subject.instrument_id:
            yield subject, waiting[1]
            waiting = next(summed, None)
        else:
            yield subject, Sums()
    if waiting is not None:
        raise ValueError(
            f"records of {waiting[0].instrument_id!r} have no instrument in the period, or one"
            " that is not in their order"
        )
