"""A follower's answers: sums over cities, each with what it is as of; never a zero for one that is
away.

Where rollups of a window are not enough the refusal names the cities, which answer for themselves.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from api.asked_window import AskedWindow
from api.cursor import encode_cursor
from api.errors import FieldError, Problem
from api.ranking import Order, Rank
from models.bucket import Bucket, buckets, whole
from models.coverage import SensorCounts
from models.group import Basis, group_fields
from models.ratios import Terms
from models.rollup import COUNTS, FIGURES, Row
from models.rollup_sums import counts_of, digest_of, tally_of
from models.timestamp import format_instant
from models.usage import Window
from models.zone import local_day, start_of_day
from store.federation.followed import (
    Asked,
    City,
    Followed,
    Taken,
    load_cities,
    load_now,
    load_taken,
)
from store.figures.groups import revision_of
from store.present.filters import Filters
from store.present.instruments import names_of
from store.run import Steps
from store.wanted import Wanted

GroupBy = Literal[
    "city", "region", "district", "class", "class_major", "kind",
    "institution", "gateway", "instrument",
]  # fmt: skip
#: What only a city can group and filter by.
_CITYS_OWN = ("institution", "gateway", "instrument", "always_on")
_MOST_PARTS = 400


def ask_the_cities(what: str, cities: Sequence[City], *errors: FieldError) -> Problem:
    """422: a follower does not have it, and who does."""
    where = ", ".join(f"{one.city}: {one.url}" for one in cities) or "none is followed yet"
    return Problem(
        422,
        "ask-the-city",
        f"{what}; each city answers for its own ({where})",
        title="Not known to a follower",
        errors=errors,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which cities and instruments are meant."""

    group_by: GroupBy | None
    filters: Filters
    city: Wanted[str] = None
    region: Wanted[str] = None

    def judge(self, cities: Sequence[City]) -> None:
        """Refuses what rollups do not tell apart.

        Raises:
            Problem: 422; names the cities to ask.
        """
        if self.group_by in _CITYS_OWN:
            error = FieldError(
                field="query.group_by",
                value=self.group_by,
                rule="city, region, district, class, class_major or kind",
            )
            raise ask_the_cities(f"a follower has no {self.group_by}s", cities, error)
        for check in self.filters.checks():
            if check.name in _CITYS_OWN:
                error = FieldError(
                    field=f"query.{check.name}",
                    value=check.name,
                    rule="only city, region, district, class and kind",
                )
                raise ask_the_cities(f"a follower cannot choose by {check.name}", cities, error)

    def among(self, cities: Sequence[City]) -> list[City]:
        """The cities that are meant."""
        return [
            one
            for one in cities
            if (self.city is None or one.city in self.city)
            and (self.region is None or one.region in self.region)
        ]

    def names(
        self, keys: Sequence[str | None], cities: Sequence[City], at_us: int
    ) -> Steps[Mapping[str | None, str | None]]:
        """Names of groups."""
        if self.group_by == "city":
            return {one.city: one.name for one in cities}
        if self.group_by == "region":
            return {one.region: one.region_name for one in cities}
        if self.group_by is None:
            return {}
        found: Mapping[Any, str | None] = yield from names_of(self.group_by, keys, at_us)
        return {key: found.get(key) for key in keys}


@dataclass(frozen=True, slots=True, kw_only=True)
class FederatedQuestion:
    """Which figures of which groups."""

    span: AskedWindow
    zone: ZoneInfo
    chosen: Chosen
    bucket: Bucket | None = None
    basis: Basis = Basis.RATED
    order: Order = field(default_factory=Order)
    after: Rank | None = None
    #: How many groups are shown; None: all.
    limit: int | None = None

    @property
    def list_name(self) -> str:
        """What cursors of this list, in this order, carry."""
        return f"federated {self.chosen.group_by} {self.order}"

    def answer(self, sufficient_coverage: float, away_s: float) -> Steps[dict[str, object]]:
        """The answer's fields.

        Raises:
            Problem: 422; rollups do not tell that.
        """
        now_us = yield from load_now()
        cities = yield from load_cities()
        self.chosen.judge(cities)
        window = self.span.window(self.zone, now_us)
        parts = _parts(window, self.bucket, self.zone, now_us, cities)
        meant = self.chosen.among(cities)
        taken = yield from load_taken(window)
        of_meant = {one.city_key: taken[one.city_key] for one in meant if one.city_key in taken}
        asked = Asked(
            group_by=self.chosen.group_by,
            filters=self.chosen.filters,
            parts=[part.end_us for part in parts],
        )
        groups, answering = yield from asked.sums(meant, of_meant.values())
        of_meant = {key: one for key, one in of_meant.items() if key in answering}
        names = yield from self.chosen.names(list(groups), meant, window.end_us)
        spell = _Spelling(
            basis=self.basis,
            sufficient_coverage=sufficient_coverage,
            window=window,
            parts=parts,
            as_of=_as_of(meant, of_meant),
        )
        rows = [
            {"key": key, "name": names.get(key), **spell.group(group)}
            for key, group in groups.items()
            if self.chosen.group_by is not None
        ]
        shown, last = self.order.page(rows, self.after, self.limit)
        overall, _ = yield from replace(asked, group_by=None).sums(meant, of_meant.values())
        nothing = Followed((0,) * len(FIGURES), [(0,) * len(FIGURES)] * len(parts))
        return {
            "from": format_instant(window.start_us),
            "to": format_instant(window.end_us),
            "tz": self.zone.key,
            "group_by": self.chosen.group_by,
            "basis": self.basis.value,
            "bucket": self.bucket,
            **told_cities(meant, of_meant, now_us, away_s),
            "overall": spell.group(overall.get(None, nothing)),
            "groups": shown,
            "next_cursor": None if last is None else encode_cursor(self.list_name, last),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spelling:
    basis: Basis
    sufficient_coverage: float
    window: Window
    parts: Sequence[Window]
    #: Of each city, the moment that its figures are of at least.
    as_of: Mapping[int, int]

    def group(self, group: Followed) -> dict[str, Any]:
        of = [self.as_of[key] for key in group.cities] or [self.window.end_us]
        body = {"cities": len(group.cities), **self._fields(group.total, self.window, min(of))}
        body["revision"] = revision_of(str(body["revision"]), digest_of(group.total))
        body["buckets"] = [
            {
                "from": format_instant(part.start_us),
                "to": format_instant(part.end_us),
                **self._fields(row, part, min(of)),
            }
            for part, row in zip(self.parts, group.parts, strict=True)
        ]
        return body

    def _fields(self, row: Row, window: Window, as_of_us: int) -> dict[str, Any]:
        # What is published does not change by itself any more.
        terms = Terms(
            as_of_us=as_of_us,
            end_us=window.end_us,
            settle_us=0,
            sufficient_coverage=self.sufficient_coverage,
        )
        return group_fields(tally_of(row, self.basis, self.sufficient_coverage), terms)


def _as_of(cities: Sequence[City], taken: Mapping[int, Taken]) -> dict[int, int]:
    """A rollup that was not replaced is as new as the city's last look at all of them."""
    return {
        one.city_key: max(taken[one.city_key].as_of_us, one.complete_us or 0)
        for one in cities
        if one.city_key in taken
    }


def _parts(
    window: Window, bucket: Bucket | None, zone: ZoneInfo, now_us: int, cities: Sequence[City]
) -> list[Window]:
    """The buckets of a window that is a whole day, month or year.

    Raises:
        Problem: 422; it is none, or has no such buckets.
    """
    kind = _kind(window, zone)
    if kind is None or window.end_us > now_us:
        error = FieldError(
            field="query",
            value="window",
            rule="a day, a month or a year that is over, such as window=last-month",
        )
        said = f"{format_instant(window.start_us)} to {format_instant(window.end_us)} in {zone.key}"
        raise ask_the_cities(
            f"a follower has closed days, months and years, and {said} is none", cities, error
        )
    if bucket is None:
        return []
    if bucket.value != kind and (kind, bucket) not in (
        ("month", Bucket.DAY),
        ("year", Bucket.MONTH),
    ):
        error = FieldError(
            field="query.bucket",
            value=bucket.value,
            rule="days of a month, months of a year",
        )
        raise ask_the_cities(f"a follower has no {bucket.value}s of a {kind}", cities, error)
    return buckets(window, bucket, zone, limit=_MOST_PARTS)


def _kind(window: Window, zone: ZoneInfo) -> str | None:
    for bucket in (Bucket.DAY, Bucket.MONTH):
        if whole(window.start_us, bucket, zone) == window:
            return bucket.value
    first = local_day(window.start_us, zone)
    if first.month == first.day == 1:
        year = Window(
            start_us=start_of_day(first, zone),
            end_us=start_of_day(first.replace(year=first.year + 1), zone),
        )
        return "year" if window == year else None
    return None


def told_cities(
    cities: Sequence[City], taken: Mapping[int, Taken], now_us: int, away_s: float
) -> dict[str, object]:
    """Which cities are in an answer, and which are missing."""
    return {
        "missing_cities": [one.city for one in cities if one.city_key not in taken],
        "cities": [
            {
                **city_body(one, now_us, away_s),
                "published": one.city_key in taken,
                "revision": taken[one.city_key].revision if one.city_key in taken else None,
                "amended": one.city_key in taken and taken[one.city_key].amended,
            }
            for one in cities
        ],
    }


def city_body(one: City, now_us: int, away_s: float) -> dict[str, object]:
    """A city, and how fresh its figures are."""
    return {
        "city": one.city,
        "name": one.name,
        "region": one.region,
        "url": one.url,
        "away": one.is_away(now_us, away_s),
        "as_of": _instant(one.as_of_us),
        "complete": _instant(one.complete_us),
        "heard_at": _instant(one.heard_us),
        "failure": one.failure,
    }


def _instant(us: int | None) -> str | None:
    return None if us is None else format_instant(us)


def summary(chosen: Chosen, away_s: float) -> Steps[dict[str, object]]:
    """Counts of all cities, each as of its own moment.

    Raises:
        Problem: 422; rollups do not tell that.
    """
    now_us = yield from load_now()
    cities = yield from load_cities()
    chosen.judge(cities)
    meant = chosen.among(cities)
    taken = yield from load_taken(None)
    of_meant = {one.city_key: taken[one.city_key] for one in meant if one.city_key in taken}
    asked = Asked(group_by=chosen.group_by, filters=chosen.filters, columns=COUNTS)
    groups, _ = yield from asked.sums(meant, of_meant.values())
    overall, _ = yield from replace(asked, group_by=None).sums(meant, of_meant.values())
    names = yield from chosen.names(list(groups), meant, now_us)

    def as_of(of: Collection[int]) -> str:
        return format_instant(min((of_meant[key].as_of_us for key in of), default=now_us))

    return {
        "as_of": as_of(of_meant),
        "group_by": chosen.group_by,
        **told_cities(meant, of_meant, now_us, away_s),
        "overall": _counts(overall[None].total if None in overall else (0,) * len(COUNTS)),
        "groups": [
            {
                "key": key,
                "name": names.get(key),
                "as_of": as_of(group.cities),
                **_counts(group.total),
            }
            for key, group in groups.items()
            if chosen.group_by is not None
        ],
    }


def _counts(row: Row) -> dict[str, object]:
    found = counts_of(row)
    return {
        "instruments": found["instruments"],
        "connectivity": {name: found[name] for name in ("online", "offline", "never_seen")},
        "activity": {name: found[name] for name in ("running", "idle", "off", "unknown")},
        "value_cny": Decimal(found["value_fen"]).scaleb(-2),
        "value_seen_cny": Decimal(found["value_seen_fen"]).scaleb(-2),
        "sensors": SensorCounts(*(found[name] for name in SensorCounts._fields)).told(),
    }
