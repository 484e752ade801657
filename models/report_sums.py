"""What an instrument's records come to, for forms that have one row an instrument."""

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Final, NamedTuple

from models.apportion import apportion
from models.record import Purpose, Record

HOUR_US: Final = 3_600_000_000


class Hours(NamedTuple):
    """Whole hours by purpose; all but ``total`` add up to it, by the largest remainder."""

    total: int
    teaching: int
    research: int
    service: int
    #: Of another purpose, or of none that anybody told.
    other: int


@dataclass(kw_only=True)
class Sums:
    """Sums over records; what no record tells stays None, never 0."""

    records: int = 0
    #: Records whose purpose is another one, or was not told.
    unplaced: int = 0
    effective_us: int = 0
    samples: int | None = None
    amount_cny: Decimal | None = None
    by_purpose_us: dict[Purpose, int] = field(default_factory=lambda: dict.fromkeys(Purpose, 0))

    def add(self, record: Record) -> None:
        """One record more."""
        said = record.annotation
        purpose = (said and said.purpose) or Purpose.OTHER
        self.records += 1
        self.unplaced += purpose is Purpose.OTHER
        self.effective_us += record.effective_us
        self.by_purpose_us[purpose] += record.effective_us
        if said is not None and said.samples is not None:
            self.samples = (self.samples or 0) + said.samples
        if said is not None and said.amount_cny is not None:
            self.amount_cny = (self.amount_cny or Decimal(0)) + said.amount_cny

    @cached_property
    def hours(self) -> Hours:
        """Whole hours, once all records are in."""
        parts = apportion(list(self.by_purpose_us.values()), HOUR_US)
        return Hours(sum(parts), *parts)
