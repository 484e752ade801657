"""Bookings that come from elsewhere: imported into feeds, read back.

Which event counts and what it books is `models/booking.py`'s; statements are in
`sql/bookings.sql`.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from models.booking import Booking, Key, Stored, booked_by, changes, counts_more, newest
from models.calendar_file import CalendarFile, Event, Problem
from models.refusal import RefusedError, why_of
from store.instant import from_us
from store.present.filters import Filters
from store.run import Query, Steps
from store.statements import statements
from store.wanted import Wanted, array

_SQL = statements("bookings")
NAMES_NONE = (
    "names no instrument: X-JISHI-INSTRUMENT, RESOURCES or LOCATION is to hold one's id or"
    " external id, or the import's for_instrument"
)
NOT_ITS_OWN = "books an instrument that is no longer the feed's institution's"
#: UIDs whose bookings are worked out between two statements.
_PORTION = 500
#: What a feed may lose at once before it is believed (of at least so many events).
SHRINK_LEAST, SHRINK_MOST = 10, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Where bookings come from, and how reading it went last."""

    feed_key: int
    institution_key: int | None
    institution_id: str | None
    instrument_key: int | None
    instrument_id: str | None
    timezone: str
    url: str | None
    every_s: int | None
    etag: str | None
    last_modified: str | None
    read_us: int | None
    tried_us: int | None
    failure: str | None
    failing_since_us: int | None
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One booking, for people."""

    booking_key: int
    feed: str
    uid: str
    recurrence_id: str
    instrument_id: str
    institution_id: str
    start_us: int
    end_us: int
    is_cancelled: bool
    changed_us: int
    instrument_key: int


@dataclass(slots=True)
class Report:
    """What an import did: events by what became of them, and the bookings that changed."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    #: Of a feed that is read whole: events that it no longer has.
    gone: int = 0
    bookings_written: int = 0
    bookings_cancelled: int = 0
    problems: list[Problem] = field(default_factory=list)
    #: What became of those that were taken.
    results: dict[Key, Literal["created", "updated", "unchanged"]] = field(default_factory=dict)


class ShrunkError(Exception):
    """A feed lost so much at once that it is not believed; nothing was changed."""


def find_feed(name: str, tenant: int | None = None, *, lock: bool = False) -> Steps[Feed | None]:
    """One feed by its name; with a ``tenant``, that institution's alone."""
    if lock:
        rows = yield Query(_SQL["feed_lock"], {"name": name, "tenant": tenant})
    else:
        rows = yield Query(_SQL["feed"], {"name": name, "after": "", "tenant": tenant, "limit": 1})
    return _feed(rows[0]) if rows else None


def list_feeds(after: str, limit: int, tenant: int | None = None) -> Steps[list[Feed]]:
    """Feeds by their names."""
    rows = yield Query(
        _SQL["feed"], {"name": None, "after": after, "tenant": tenant, "limit": limit}
    )
    return [_feed(row) for row in rows]


def feeds_due(limit: int) -> Steps[list[str]]:
    """Names of feeds whose addresses are to be read now."""
    rows = yield from Query[tuple[str]](_SQL["feeds_due"], {"limit": limit})
    return [name for (name,) in rows]


def put_feed(
    name: str,
    *,
    institution_key: int | None,
    instrument_key: int | None,
    timezone: str,
    url: str | None,
    every_s: int | None,
) -> Steps[None]:
    """Creates or replaces a feed; whose it is stays as it was made."""
    yield Query(
        _SQL["feed_put"],
        {
            "name": name,
            "institution": institution_key,
            "instrument": instrument_key,
            "timezone": timezone,
            "url": url,
            "every_s": every_s,
        },
    )


def delete_feed(feed: Feed) -> Steps[None]:
    """Forgets a feed and all that it booked."""
    yield Query(_SQL["feed_delete"], {"key": feed.feed_key})


def is_taken(name: str) -> Steps[bool]:
    """Whether anybody has a feed of that name."""
    return bool((yield Query(_SQL["feed_taken"], {"name": name})))


def institution_key(institution_id: str) -> Steps[int | None]:
    """The key of an institution."""
    rows = yield from Query[tuple[int]](_SQL["institution_key"], {"id": institution_id})
    return rows[0][0] if rows else None


def note_reading(
    feed: Feed,
    failure: str | None = None,
    etag: str | None = None,
    last_modified: str | None = None,
    *,
    is_lost: bool = False,
) -> Steps[None]:
    """Writes down how reading a feed's address went.

    Args:
        feed: As it was locked.
        failure: Why it could not be read; None: it was.
        etag: What the address said of its version.
        last_modified: The same.
        is_lost: The address is gone, or lost so much that it is not believed.
    """
    yield Query(
        _SQL["feed_tried"],
        {
            "key": feed.feed_key,
            "failure": failure,
            "is_lost": is_lost,
            "etag": etag,
            "last_modified": last_modified,
        },
    )


def find_instruments(
    names: Collection[str], institution: int | None
) -> Steps[dict[str, tuple[int, ...]]]:
    """Instruments by what they are called: own ids and those of other registers."""
    found: dict[str, tuple[int, ...]] = defaultdict(tuple)
    if names:
        rows = yield from Query[tuple[str, int]](
            _SQL["instruments"], {"names": sorted(names), "institution": institution}
        )
        for name, key in rows:
            found[name] += (key,)
    return found


def import_events(
    feed: Feed, file: CalendarFile, now_us: int, *, whole: bool = False
) -> Steps[Report]:
    """Takes a file's events into a feed that is locked.

    Args:
        feed: As ``find_feed`` locked it.
        file: What to take.
        now_us: Series are laid out around it.
        whole: The file is all that the feed holds: what it lacks is cancelled.

    Raises:
        ShrunkError: with ``whole``; over half of many events are missing.
    """
    report = Report(problems=list(file.problems))
    incoming = newest(file.events)
    meant = yield from find_instruments(
        {name for event in incoming.values() for name in event.names}, feed.institution_key
    )
    stored = yield from _stored(feed, None if whole else {key.uid for key in incoming})
    fresh: dict[str, dict[Key, Stored]] = defaultdict(dict)
    for key, event in incoming.items():
        before, made = stored.get(key), _made(feed, file, event, meant)
        if before == made or not counts_more(event, before):
            report.unchanged += 1
            report.results[key] = "unchanged"
        else:
            fresh[key.uid][key] = made
    if whole:
        told = {key.uid for key in incoming} | {one.uid for one in file.problems}
        gone = {key.uid for key in stored} - told
        of = len({key.uid for key in stored})
        if of >= SHRINK_LEAST and len(gone) > SHRINK_MOST * of:
            raise ShrunkError(
                f"{len(gone)} of {of} events are missing: not believed, nothing was changed"
            )
        yield from _forget(feed, gone, report)
    zone = _zone(file.zone) or ZoneInfo(feed.timezone)
    uids = sorted(fresh)
    for start in range(0, len(uids), _PORTION):
        portion = {uid: fresh[uid] for uid in uids[start : start + _PORTION]}
        yield from _book(feed, portion, stored, zone, now_us, report)
    return report


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return None if name is None else ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return None  # of the program that wrote the file, known to nobody else


def _made(
    feed: Feed, file: CalendarFile, event: Event, meant: Mapping[str, tuple[int, ...]]
) -> Stored:
    if feed.instrument_key is not None:
        instruments: tuple[int, ...] = (feed.instrument_key,)
    else:
        # A name that two instruments bear means neither.
        named = (meant[name][0] for name in event.names if len(meant[name]) == 1)
        instruments = tuple(dict.fromkeys(named))
    return Stored(
        sequence=event.sequence,
        dtstamp_us=event.dtstamp_us,
        text=event.text,
        zones=file.zones,
        instruments=instruments,
    )


def _stored(feed: Feed, uids: Collection[str] | None) -> Steps[dict[Key, Stored]]:
    rows = yield from Query[tuple[str, str, int, int, str, str, list[int]]](
        _SQL["events"],
        {"feed": feed.feed_key, "uids": None if uids is None else sorted(uids)},
    )
    return {
        Key(uid, recurrence): Stored(
            sequence=sequence,
            dtstamp_us=stamp,
            text=text,
            zones=zones,
            instruments=tuple(keys),
        )
        for uid, recurrence, sequence, stamp, text, zones, keys in rows
    }


def _booked(feed: Feed, uids: Sequence[str]) -> Steps[dict[str, list[Booking]]]:
    rows = yield from Query[tuple[str, str, int, int, int, bool]](
        _SQL["booked"], {"feed": feed.feed_key, "uids": uids}
    )
    found: dict[str, list[Booking]] = defaultdict(list)
    for uid, recurrence, instrument, start, end, cancelled in rows:
        found[uid].append(Booking(recurrence, instrument, start, end, cancelled))
    return found


def _book(
    feed: Feed,
    fresh: Mapping[str, Mapping[Key, Stored]],
    stored: Mapping[Key, Stored],
    zone: ZoneInfo,
    now_us: int,
    report: Report,
) -> Steps[None]:
    """Writes new events by UID, and what these book now."""
    by_uid: dict[str, dict[str, Stored]] = {uid: {} for uid in fresh}
    for key, event in stored.items():
        if key.uid in by_uid:
            by_uid[key.uid][key.recurrence_id] = event
    for uid, told in by_uid.items():
        told |= {key.recurrence_id: one for key, one in fresh[uid].items()}
    own = yield from _own(
        feed, {key for told in by_uid.values() for one in told.values() for key in one.instruments}
    )
    before = yield from _booked(feed, sorted(fresh))
    events: list[list[Any]] = []
    write: list[tuple[str, Booking]] = []
    cancel: list[tuple[str, str, int]] = []
    for uid, told in by_uid.items():
        try:
            if not any(one.instruments for one in told.values()):
                raise RefusedError("instrument_unnamed", NAMES_NONE)
            after = booked_by(told, zone, now_us)
            # An instrument may have moved since the feed, or an event of it, came to name it.
            if not own.issuperset(one.instrument for one in after):
                raise RefusedError("instrument_left", NOT_ITS_OWN)
        except ValueError as error:
            report.problems.append(Problem(uid=uid, recurrence_id="", why=why_of(error)))
            continue
        for key in fresh[uid]:
            report.results[key] = "updated" if key in stored else "created"
        new = sum(key not in stored for key in fresh[uid])
        report.created += new
        report.updated += len(fresh[uid]) - new
        events += [
            [*key, one.sequence, one.dtstamp_us, one.text, one.zones, list(one.instruments)]
            for key, one in fresh[uid].items()
        ]
        found = changes(before.get(uid, ()), after)
        write += [(uid, one) for one in found.write]
        cancel += [(uid, *one) for one in found.cancel]
    if events:
        rows = msgspec.json.encode(events).decode()
        yield Query(_SQL["events_write"], {"feed": feed.feed_key, "rows": rows})
    if write:
        yield Query(
            _SQL["book"],
            {
                "feed": feed.feed_key,
                "uids": [uid for uid, _ in write],
                "recurrences": [one.recurrence_id for _, one in write],
                "instruments": [one.instrument for _, one in write],
                "starts": [from_us(one.start_us) for _, one in write],
                "ends": [from_us(one.end_us) for _, one in write],
                "cancelled": [one.is_cancelled for _, one in write],
            },
        )
    yield from _cancel(feed, cancel)
    report.bookings_written += len(write)
    report.bookings_cancelled += len(cancel)


def _own(feed: Feed, instruments: Collection[int]) -> Steps[set[int]]:
    """Those of some instruments that a feed may book now."""
    if feed.institution_key is None:
        return set(instruments)
    rows = yield from Query[tuple[int]](
        _SQL["instruments_of"],
        {"keys": sorted(instruments), "institution": feed.institution_key},
    )
    return {key for (key,) in rows}


def _cancel(feed: Feed, cancel: Sequence[tuple[str, str, int]]) -> Steps[None]:
    if cancel:
        uids, recurrences, instruments = (list(part) for part in zip(*cancel, strict=True))
        yield Query(
            _SQL["cancel"],
            {
                "feed": feed.feed_key,
                "uids": uids,
                "recurrences": recurrences,
                "instruments": instruments,
            },
        )


def _forget(feed: Feed, uids: Collection[str], report: Report) -> Steps[None]:
    """Cancels what a feed no longer has."""
    if not uids:
        return
    booked = yield from _booked(feed, sorted(uids))
    cancel = [
        (uid, one.recurrence_id, one.instrument)
        for uid, found in booked.items()
        for one in found
        if not one.is_cancelled
    ]
    yield from _cancel(feed, cancel)
    yield Query(_SQL["events_delete"], {"feed": feed.feed_key, "uids": sorted(uids)})
    report.gone += len(uids)
    report.bookings_cancelled += len(cancel)


def list_bookings(
    filters: Filters,
    *,
    start_us: int | None,
    end_us: int | None,
    limit: int,
    instruments: Wanted[str] = None,
    feeds: Wanted[str] = None,
    cancelled: bool = False,
    begin_within: bool = False,
    keys: Sequence[int] | None = None,
    after: tuple[int, int] | None = None,
) -> Steps[list[Listed]]:
    """Bookings that overlap a window, or begin in it, in order of their starts."""
    rows = yield Query(
        _SQL["list"],
        {
            **filters.params(),
            "from": None if start_us is None else from_us(start_us),
            "to": None if end_us is None else from_us(end_us),
            "instruments": array(instruments),
            "feeds": array(feeds),
            "cancelled": cancelled,
            "begin_within": begin_within,
            "keys": keys,
            "after_us": after[0] if after else None,
            "after_key": after[1] if after else None,
            "limit": limit,
        },
        fresh=True,
    )
    names = Listed.__dataclass_fields__
    return [Listed(**dict(zip(names, row, strict=True))) for row in rows]


def _feed(row: Sequence[Any]) -> Feed:
    return Feed(**dict(zip(Feed.__dataclass_fields__, row, strict=True)))
