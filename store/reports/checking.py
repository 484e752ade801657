"""What a period's records lack for a form, counted over all of them."""

from dataclasses import dataclass, field

from models.report_lack import Lack, lacks
from models.report_profile import Profile, rows
from models.report_value import PeriodFacts, Place
from store.reports.annotations import load_persons
from store.reports.periods import Ledger, Of, walk
from store.reports.values import load_values
from store.run import Steps


@dataclass(slots=True)
class Lacking:
    """A column that some rows do not fill."""

    column: str
    place: Place
    rows: int = 0
    instruments: int = 0


@dataclass(slots=True)
class Checked:
    """What a period lacks for a form."""

    rows: int = 0
    #: All lacks, of which ``listed`` are some.
    lacks: int = 0
    listed: list[Lack] = field(default_factory=list)
    columns: dict[str, Lacking] = field(default_factory=dict)

    def add(self, lack: Lack, after: int, limit: int) -> None:
        """One lack more; it is listed where it is one of ``limit`` after so many."""
        if after <= self.lacks < after + limit:
            self.listed.append(lack)
        self.lacks += 1
        of = self.columns.setdefault(lack.column, Lacking(lack.column, lack.place))
        of.rows += lack.rows
        of.instruments += 1


def check_period(
    ledger: Ledger, profile: Profile, *, persons: bool, after: int, limit: int
) -> Steps[Checked]:
    """Goes through all of a period's records; few are held at once.

    Args:
        ledger: Of the period.
        profile: The form.
        persons: Whether columns are looked at that say who somebody is.
        after: How many lacks come before those that are listed.
        limit: How many are listed at most.
    """
    facts = PeriodFacts.of(ledger.period)
    values = yield from load_values(ledger.period.period_id)
    found = Checked()

    def take(part: list[Of]) -> Steps[None]:
        records = [record for _, those in part for record in those]
        said = [one.annotation for one in records if one.annotation is not None]
        known = (yield from load_persons(said)) if persons else {}
        subjects = (subject for subject, _ in part)
        made = list(rows(profile, records, facts, values, known, subjects))
        found.rows += len(made)
        for lack in lacks(profile, made, persons=persons):
            found.add(lack, after, limit)

    yield from walk(ledger, take)
    return found
