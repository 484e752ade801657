"""Instruments as the figures see them: where the fold stands, and each version of settings.

What happened around them in a range of time (pieces, gaps, maintenance) is in
``surroundings.py``; both together go into ``models/usage.py`` in ``figures.py``.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

from models.fold import Track, hold_us
from models.rated import Rating, rated_us_per_year
from models.ratios import settle_us
from models.schedule import HoursInForce, OpeningHours, with_fallback
from models.segment import State
from models.timestamp import MAX_US, MIN_US
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
        return settle_us(hold, self.session_gap_us, self.session_min_us)


@lru_cache(maxsize=4_096)
def parse_hours(text: str | None) -> OpeningHours | None:
    """Opening hours as the registry stores them."""
    return None if text is None else OpeningHours.parse(json.loads(text))


@lru_cache(maxsize=4_096)
def rated_of(hours: float | None, kind: str) -> int:
    """Rated time a year, kept: a city's instruments share few."""
    return rated_us_per_year(hours, kind)


@lru_cache(maxsize=1_024)
def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name; kept, since zones are compared by identity elsewhere."""
    return ZoneInfo(name)


def load_subjects(keys: Sequence[int]) -> Steps[dict[int, Subject]]:
    """The instruments of ``keys``; those that do not exist are left out.

    Args:
        keys: Instrument keys; the caller bounds how many.
    """
    asked = {"keys": list(keys)}
    tracks = yield Query(_SQL["tracks"], asked, binary=True)
    rows = yield Query(_SQL["instrument_versions"], asked, binary=True, heavy=len(keys) > 50)
    versions: dict[int, list[Version]] = defaultdict(list)
    session: dict[int, tuple[int, int]] = {}
    for row in rows:
        key, since, until, home, gateway, zone, kind, rated, hours, hold, every, gap, least = row
        versions[key].append(
            Version(
                from_us=MIN_US if since is None else since,
                to_us=MAX_US if until is None else until,
                institution_key=home,
                gateway_key=gateway,
                zone=zone_of(zone),
                own_hold_us=hold,
                interval_us=every,
                hours=parse_hours(hours),
                rated_us_per_year=rated_of(rated, kind),
            )
        )
        session[key] = (gap, least)
    institutions = yield from _institution_hours(
        sorted({v.institution_key for found in versions.values() for v in found if not v.hours})
    )
    by_key = {row[0]: _track(row) for row in tracks}
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


def _track(row: tuple[int | None, ...]) -> Track:
    (_, first, newest, since, until, state, segment, piece, step, counter, readings,
     witness_counter, witness_state, live_at, live_until) = row  # fmt: skip
    return Track(
        first_at_us=first,
        newest_at_us=newest,
        credit_from_us=since,
        credit_until_us=until,
        state=None if state is None else State(state),
        segment_from_us=segment,
        piece_from_us=piece,
        piece_step_us=step or 0,
        piece_counter_us=counter or 0,
        piece_counter_readings=readings or 0,
        piece_witness_counter_us=witness_counter or 0,
        piece_witness_state_us=witness_state or 0,
        live_at_us=live_at,
        live_until_us=live_until,
    )


_Hours = tuple[int, int, OpeningHours]


def _institution_hours(keys: Sequence[int]) -> Steps[dict[int, list[_Hours]]]:
    found: dict[int, list[_Hours]] = defaultdict(list)
    if keys:
        rows = yield Query(_SQL["institution_versions"], {"keys": list(keys)}, binary=True)
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
