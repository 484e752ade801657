"""Instruments as the figures see them: where the fold stands, and each version of settings.

What happened around them in a range of time (pieces, gaps, maintenance) is in
``surroundings.py``; both together go into ``models/usage.py`` in ``figures.py``.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from psycopg.rows import args_row

from models.fold import PowerRule, Track, hold_us
from models.power_rule import parse_rule
from models.rated import Rating, rated_us_per_year
from models.ratios import settle_us
from models.schedule import HoursInForce, OpeningHours, with_fallback
from models.segment import State
from models.timestamp import MAX_US, MIN_US
from store.arrays import int_array
from store.run import Query, Steps
from store.statements import statements

_SQL = statements("figures")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of an instrument's settings, in force for ``[from_us, to_us)`` (rule 15)."""

    from_us: int
    to_us: int
    institution_key: int
    gateway_key: int
    zone: ZoneInfo
    own_hold_us: int | None
    interval_us: int | None
    hours: OpeningHours | None
    rated_us_per_year: int
    #: What gives samples a state; None: nothing does.
    rule: PowerRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One instrument, all its versions resolved."""

    key: int
    track: Track
    versions: tuple[Version, ...]
    hours: tuple[HoursInForce, ...]
    ratings: tuple[Rating, ...]
    #: Not versioned: equal in all versions.
    session_gap_us: int
    session_min_us: int

    @property
    def margin_us(self) -> int:
        """What of the timeline beyond a window bears on the sessions in it (rule 11)."""
        return self.session_gap_us + self.session_min_us

    def version_at(self, at_us: int) -> Version:
        """The version in force; before the first, the first."""
        for version in self.versions:
            if at_us < version.to_us:
                return version
        return self.versions[-1]

    def settle_us(self, at_us: int) -> int:
        """How long before now figures may still change (rule 11)."""
        track, version = self.track, self.version_at(at_us)
        hold = hold_us(
            own_us=version.own_hold_us, reported_interval_us=None, interval_us=version.interval_us
        )
        if track.credit_from_us is not None and track.credit_until_us is not None:
            hold = max(hold, track.credit_until_us - track.credit_from_us)
        # A run of samples that has not lasted yet may still count from where it began.
        dwell = 0 if version.rule is None else version.rule.longest_dwell_us
        return settle_us(hold, self.session_gap_us + dwell, self.session_min_us)


@lru_cache(maxsize=4_096)
def parse_hours(text: str | None) -> OpeningHours | None:
    """Opening hours as the registry stores them."""
    return None if text is None else OpeningHours.parse(json.loads(text))


@lru_cache(maxsize=4_096)
def rule_of(text: str | None) -> PowerRule | None:
    """A power rule as the registry stores it."""
    return None if text is None else parse_rule(json.loads(text))


@lru_cache(maxsize=4_096)
def rated_of(hours: float | None, kind: str) -> int:
    """Rated time a year, kept: a city's instruments share few."""
    return rated_us_per_year(hours, kind)


@lru_cache(maxsize=1_024)
def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name; kept, since zones are compared by identity elsewhere."""
    return ZoneInfo(name)


class TrackRow(NamedTuple):
    """A row of ``figures.sql: tracks``; columns that an instrument has none of are null."""

    key: int
    first_at_us: int | None
    newest_at_us: int | None
    credit_from_us: int | None
    credit_until_us: int | None
    state: int | None
    segment_from_us: int | None
    piece_from_us: int | None
    piece_step_us: int | None
    piece_counter_us: int | None
    piece_counter_readings: int | None
    piece_witness_counter_us: int | None
    piece_witness_state_us: int | None
    live_at_us: int | None
    live_until_us: int | None

    def track(self) -> Track:
        """Where the fold stands."""
        return Track(
            first_at_us=self.first_at_us,
            newest_at_us=self.newest_at_us,
            credit_from_us=self.credit_from_us,
            credit_until_us=self.credit_until_us,
            state=None if self.state is None else State(self.state),
            segment_from_us=self.segment_from_us,
            piece_from_us=self.piece_from_us,
            piece_step_us=self.piece_step_us or 0,
            piece_counter_us=self.piece_counter_us or 0,
            piece_counter_readings=self.piece_counter_readings or 0,
            piece_witness_counter_us=self.piece_witness_counter_us or 0,
            piece_witness_state_us=self.piece_witness_state_us or 0,
            live_at_us=self.live_at_us,
            live_until_us=self.live_until_us,
        )


class _VersionRow(NamedTuple):
    """A row of ``figures.sql: instrument_versions``."""

    key: int
    from_us: int | None
    to_us: int | None
    institution_key: int
    gateway_key: int
    timezone: str
    kind: str
    rated_hours_per_year: float | None
    opening_hours: str | None
    hold_us: int | None
    interval_us: int | None
    session_gap_us: int
    session_min_us: int
    power_rule: str | None

    def version(self) -> Version:
        return Version(
            from_us=MIN_US if self.from_us is None else self.from_us,
            to_us=MAX_US if self.to_us is None else self.to_us,
            institution_key=self.institution_key,
            gateway_key=self.gateway_key,
            zone=zone_of(self.timezone),
            own_hold_us=self.hold_us,
            interval_us=self.interval_us,
            hours=parse_hours(self.opening_hours),
            rated_us_per_year=rated_of(self.rated_hours_per_year, self.kind),
            rule=rule_of(self.power_rule),
        )


def load_tracks(keys: Sequence[int], *, heavy: bool = False) -> Steps[list[TrackRow]]:
    """Where the fold stands, of the instruments that have a status row."""
    return (
        yield from Query(
            _SQL["tracks"],
            {"keys": int_array(keys)},
            rows=args_row(TrackRow),
            binary=True,
            heavy=heavy,
        )
    )


def load_subjects(keys: Sequence[int]) -> Steps[dict[int, Subject]]:
    """The instruments of ``keys``; those that do not exist are left out.

    Args:
        keys: Instrument keys; the caller bounds how many.
    """
    tracks = yield from load_tracks(keys)
    rows = yield from Query(
        _SQL["instrument_versions"],
        {"keys": int_array(keys)},
        rows=args_row(_VersionRow),
        binary=True,
        heavy=len(keys) > 50,
    )
    versions: dict[int, list[Version]] = defaultdict(list)
    session: dict[int, tuple[int, int]] = {}
    for row in rows:
        versions[row.key].append(row.version())
        session[row.key] = (row.session_gap_us, row.session_min_us)
    institutions = yield from _institution_hours(
        sorted({v.institution_key for found in versions.values() for v in found if not v.hours})
    )
    by_key = {row.key: row.track() for row in tracks}
    return {
        key: Subject(
            key=key,
            track=by_key.get(key) or Track(),
            versions=tuple(found),
            hours=tuple(_hours(found, institutions)),
            ratings=tuple(
                Rating(
                    from_us=v.from_us, to_us=v.to_us, per_year_us=v.rated_us_per_year, zone=v.zone
                )
                for v in found
            ),
            session_gap_us=session[key][0],
            session_min_us=session[key][1],
        )
        for key, found in versions.items()
    }


_Hours = tuple[int, int, OpeningHours]


def _institution_hours(keys: Sequence[int]) -> Steps[dict[int, list[_Hours]]]:
    found: dict[int, list[_Hours]] = defaultdict(list)
    if keys:
        rows = yield from Query[tuple[int, int | None, int | None, str | None]](
            _SQL["institution_versions"], {"keys": list(keys)}, binary=True
        )
        for key, since, until, hours in rows:
            parsed = parse_hours(hours)
            if parsed is not None:
                found[key].append(
                    (MIN_US if since is None else since, MAX_US if until is None else until, parsed)
                )
    return found


def _hours(
    versions: Sequence[Version], institutions: dict[int, list[_Hours]]
) -> list[HoursInForce]:
    """Opening hours in force: the instrument's, else those of the institution of that time."""
    own = [
        HoursInForce(from_us=v.from_us, to_us=v.to_us, hours=v.hours, zone=v.zone) for v in versions
    ]
    home = [
        HoursInForce(
            from_us=max(v.from_us, since), to_us=min(v.to_us, until), hours=hours, zone=v.zone
        )
        for v in versions
        for since, until, hours in institutions.get(v.institution_key, ())
        if max(v.from_us, since) < min(v.to_us, until)
    ]
    return with_fallback(own, home)
