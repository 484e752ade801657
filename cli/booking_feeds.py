"""``jishi booking-feeds``: reads the iCalendar addresses that bookings come from, as often as each
says.

A feed that fails, vanishes or loses over half of its events changes nothing: its bookings stay,
`GET /v1/booking-feeds` says why and since when, and ingest opens an alert of it
(``ingest/alerting/booking_feeds.py``).
"""

import signal
import threading
from typing import Annotated, Any

import psycopg
import structlog
import typer

from cli.connection import DatabaseUrl, database_url, fail
from cli.outbound import OutboundError, fetch
from models.calendar_file import read_calendar
from store.figures.surroundings import load_moment
from store.present.bookings import (
    Feed,
    Report,
    ShrunkError,
    feeds_due,
    find_feed,
    import_events,
    note_reading,
)
from store.run import run

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 10.0
AT_ONCE = 100
FAILURE_LENGTH = 500
#: What an address answers that is no longer a calendar's.
GONE = (404, 410)


class GoneError(OutboundError):
    """There is nothing at the address any more; somebody should know at once."""


def booking_feeds(
    url: DatabaseUrl = None,
    once: Annotated[bool, typer.Option("--once", help="Read what is due, and end.")] = False,
    allow_private: Annotated[
        bool,
        typer.Option(
            "--allow-private",
            envvar="JISHI_FEEDS_ALLOW_PRIVATE",
            help="Read addresses of private networks, too: whoever may put a feed then reaches"
            " what this machine reaches.",
        ),
    ] = False,
) -> None:
    """Read the iCalendar addresses of booking feeds regularly.

    Needs the database as the role that the API has. Several may run: each feed is locked.
    """
    address = database_url(url, None)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.is_set():
        try:
            with psycopg.connect(address, connect_timeout=5) as connection:
                read_due(connection, allow_private=allow_private)
        except psycopg.OperationalError as error:
            if once:
                raise fail(f"the database cannot be reached: {str(error).strip()}") from None
            log.warning(
                "the database cannot be reached; trying again",
                action="booking_feeds",
                error=str(error).strip(),
            )
        if once:
            return
        stop.wait(LOOK_EVERY_S)


def read_due(connection: psycopg.Connection[Any], *, allow_private: bool = False) -> None:
    """Reads every feed that is due, one after the other.

    Raises:
        psycopg.OperationalError: The database is away.
    """
    with connection.transaction():
        names = run(connection, feeds_due(AT_ONCE))
    for name in names:
        with connection.transaction():
            feed = run(connection, find_feed(name, lock=True))
            if feed is not None and feed.url is not None:
                _read(connection, feed, feed.url, allow_private)


def _read(connection: psycopg.Connection[Any], feed: Feed, url: str, allow_private: bool) -> None:
    asked = {"Accept": "text/calendar", "User-Agent": "jishi"}
    if feed.etag is not None:
        asked["If-None-Match"] = feed.etag
    if feed.last_modified is not None:
        asked["If-Modified-Since"] = feed.last_modified
    try:
        answer = fetch(url, asked, allow_private=allow_private)
        if answer.status == 304:
            run(connection, note_reading(feed))
            return
        if answer.status in GONE:
            raise GoneError(f"it answers {answer.status}: there is no such calendar any more")
        if answer.status != 200:
            raise OutboundError(f"it answers {answer.status}")
        file = read_calendar(answer.body.decode("utf-8", "replace"))
        # Else what was taken before the failure would stay.
        with connection.transaction():
            report = _take(connection, feed, file)
    except (OutboundError, ShrunkError, ValueError) as error:
        said = str(error)[:FAILURE_LENGTH]
        is_lost = isinstance(error, ShrunkError | GoneError)
        run(connection, note_reading(feed, said, is_lost=is_lost))
        log.warning(
            "a booking feed cannot be read", action="booking_feeds", feed=feed.name, why=said
        )
        return
    run(
        connection,
        note_reading(
            feed,
            etag=answer.headers.get("etag"),
            last_modified=answer.headers.get("last-modified"),
        ),
    )
    log.info(
        "a booking feed was read",
        action="booking_feeds",
        feed=feed.name,
        written=report.bookings_written,
        cancelled=report.bookings_cancelled,
        rejected=len(report.problems),
    )


def _take(connection: psycopg.Connection[Any], feed: Feed, file: Any) -> Report:
    moment = run(connection, load_moment())
    return run(connection, import_events(feed, file, moment.now_us, whole=True))
