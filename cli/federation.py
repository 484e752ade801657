"""``jishi federation``: a city's closed figures for others, and several cities' in one place.

What is done is in ``federation_publish.py`` and ``federation_follow.py``.
"""

import signal
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import psycopg
import structlog
import typer
from prometheus_client import CollectorRegistry

from cli.connection import DatabaseUrl, database_url, fail
from cli.federation_alerts import FollowerAlerts
from cli.federation_follow import ALLOW_PRIVATE, Follower, Metrics
from cli.federation_publish import Publisher
from cli.metrics_page import serve_metrics
from models.duration import parse_duration
from models.federation_file import CityEntry, FederationFileError, parse_federation
from models.rollup import CITY
from reports.signing import KeyUnreadableError, PublicKey, read_public, read_signer
from store.federation.taken import name_cities, try_lock
from store.run import run

log = structlog.get_logger(__name__)

app = typer.Typer(
    name="federation",
    help="Signed figures of closed days, months and years, for one instance that follows several"
    " cities.",
    no_args_is_help=True,
)
#: Seconds after which a database that is away is tried again, and someone else's lock.
RETRY_S = 5.0

_Coverage = Annotated[
    float,
    typer.Option(
        "--coverage-threshold",
        envvar="JISHI_COVERAGE_THRESHOLD",
        min=0,
        max=1,
        help="Known share of a window from which an instrument is ranked: the API's own, and the"
        " same in all cities.",
    ),
]
_Once = Annotated[bool, typer.Option("--once", help="Do it once, and end.")]


def _stopping() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _every(text: str, option: str) -> float:
    try:
        found: timedelta = parse_duration(text)
    except ValueError as error:
        raise fail(f"{option}: {error}", 2) from None
    return found.total_seconds()


@app.command()
def publish(
    city: Annotated[
        str,
        typer.Option(
            "--city", envvar="JISHI_CITY", help="What followers call this city, such as shanghai."
        ),
    ],
    key_file: Annotated[
        Path,
        typer.Option(
            "--signing-key-file",
            envvar="JISHI_SIGNING_KEY_FILE",
            help="The private key that signs; `jishi reports key` makes one.",
        ),
    ],
    every: Annotated[
        str, typer.Option(envvar="JISHI_FEDERATION_EVERY", help="From one look at all to the next.")
    ] = "10m",
    counts_every: Annotated[
        str,
        typer.Option(envvar="JISHI_FEDERATION_COUNTS_EVERY", help="The same of the counts of now."),
    ] = "1m",
    calendar: Annotated[
        str,
        typer.Option(envvar="JISHI_CALENDAR", help="Calendar that opening hours refer to."),
    ] = "CN",
    coverage: _Coverage = 0.9,
    once: _Once = False,
    url: DatabaseUrl = None,
) -> None:
    """Sign what closed days, months and years come to, and the counts of now, for followers.

    Needs the database as the role that the API has, which then serves it to keys of the scope
    `federation`. What late data changes is published again, as a newer revision.
    """
    if not CITY.fullmatch(city):
        raise fail(f"--city {city!r}: a city is called by a-z, 0-9 and -, such as shanghai", 2)
    try:
        signer = read_signer(key_file)
    except KeyUnreadableError as error:
        raise fail(f"nothing can be signed: {error}") from None
    stop = _stopping()
    pause, counts_pause = _every(every, "--every"), _every(counts_every, "--counts-every")
    publisher = Publisher(
        city=city, signer=signer, calendar=calendar, sufficient_coverage=coverage, stop=stop
    )
    address = database_url(url, None)
    while not stop.is_set():
        try:
            with _connected(address) as connection:
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                if not run(connection, try_lock(0)):
                    if once:
                        raise fail("somebody else publishes this city already")
                    stop.wait(RETRY_S)
                    continue
                while not stop.is_set():
                    published = publisher.publish_all(connection)
                    if once:
                        typer.echo(f"{published} rollups published")
                        return
                    due = time.monotonic() + pause
                    while not stop.wait(min(counts_pause, max(0.0, due - time.monotonic()))):
                        if time.monotonic() >= due:
                            break
                        publisher.publish_counts(connection)
        except psycopg.OperationalError as error:
            _away(error, once)
            stop.wait(RETRY_S)


@app.command()
def follow(
    file: Annotated[
        Path,
        typer.Option(
            "--file",
            envvar="JISHI_FEDERATION_FILE",
            help="Names the cities, their addresses and keys; docs/federation.md has one.",
        ),
    ],
    every: Annotated[
        str, typer.Option(envvar="JISHI_FEDERATION_EVERY", help="From one round to the next.")
    ] = "1m",
    allow_private: Annotated[
        bool,
        typer.Option(
            "--allow-private",
            envvar=ALLOW_PRIVATE,
            help="Ask addresses of private networks, and without TLS.",
        ),
    ] = False,
    metrics_host: Annotated[
        str,
        typer.Option(envvar="JISHI_METRICS_HOST", help="Where /metrics listens."),
    ] = "127.0.0.1",
    metrics_port: Annotated[
        int | None,
        typer.Option(
            envvar="JISHI_FEDERATION_METRICS_PORT",
            help="The port of /metrics, such as 9467.  [default: no metrics]",
        ),
    ] = None,
    coverage: _Coverage = 0.9,
    alerts_url: Annotated[
        str | None,
        typer.Option(
            envvar="JISHI_ALERTS_DATABASE_URL",
            help="The same database as the role that ingest has: cities that are away are then"
            " alerts, told to webhooks.",
        ),
    ] = None,
    once: _Once = False,
    url: DatabaseUrl = None,
) -> None:
    """Take the signed figures of several cities into this database, which an API then serves.

    Needs the database as the role that the API has; that runs with JISHI_FOLLOWER=true. Each city
    is asked by itself, so one that is away keeps nobody back.
    """
    metrics = Metrics(CollectorRegistry())
    followers = [
        Follower(
            entry=entry,
            public_key=public_key,
            key=key,
            sufficient_coverage=coverage,
            allow_private=allow_private,
            metrics=metrics,
        )
        for entry, public_key, key in _read(file)
    ]
    stop = _stopping()
    pause = _every(every, "--every")
    address = database_url(url, None)
    _name(address, followers, stop, once)
    if metrics_port is not None:
        serve_metrics(metrics_host, metrics_port, metrics.registry)
    if once:
        try:
            with _connected(address) as connection:
                away = [one.entry.city for one in followers if not one.pull(connection)]
        except psycopg.OperationalError as error:
            raise fail(f"the database cannot be reached: {str(error).strip()}") from None
        if away:
            raise fail(
                f"not all was taken of {', '.join(away)}: GET /v1/federation/cities says why"
            )
        return
    if alerts_url is not None:
        try:
            FollowerAlerts(alerts_url, stop).start()
        except ValueError as error:
            raise fail(f"no alerts: {error}", 2) from None
    threads = [
        threading.Thread(target=_keep_on, args=(one, address, pause, stop), name=one.entry.city)
        for one in followers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _keep_on(follower: Follower, address: str, pause: float, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            with _connected(address) as connection:
                while not stop.is_set():
                    follower.pull(connection)
                    stop.wait(pause)
        except psycopg.OperationalError as error:
            _away(error, once=False)
            stop.wait(RETRY_S)


def _name(address: str, followers: Sequence[Follower], stop: threading.Event, once: bool) -> None:
    while not stop.is_set():
        try:
            with _connected(address) as connection, connection.transaction():
                run(connection, name_cities([one.entry for one in followers]))
                return
        except psycopg.OperationalError as error:
            _away(error, once)
            stop.wait(RETRY_S)


def _read(file: Path) -> list[tuple[CityEntry, PublicKey, str]]:
    try:
        entries = parse_federation(file.read_text("utf-8"))
    except OSError as error:
        raise fail(f"{file} cannot be read: {error.strerror}", 2) from None
    except (FederationFileError, UnicodeDecodeError) as error:
        raise fail(f"{file}: {error}", 2) from None
    found = []
    for entry in entries:
        # Both lie beside the file, where they are named without a folder.
        try:
            public = read_public((file.parent / entry.public_key_file).read_text("utf-8"))
            key = (file.parent / entry.key_file).read_text("utf-8").strip()
        except OSError as error:
            raise fail(f"{entry.city}: {error.filename}: {error.strerror}", 2) from None
        except (KeyUnreadableError, UnicodeDecodeError) as error:
            raise fail(f"{entry.city}: {entry.public_key_file}: {error}", 2) from None
        if not key.isascii() or not key.isprintable() or not key:
            raise fail(f"{entry.city}: {entry.key_file} holds no key of an API", 2)
        found.append((entry, public, key))
    return found


def _connected(address: str) -> psycopg.Connection[Any]:
    return psycopg.connect(
        address, autocommit=True, connect_timeout=5, application_name="jishi-federation"
    )


def _away(error: psycopg.Error, once: bool) -> None:
    said = str(error).strip()
    if once:
        raise fail(f"the database cannot be reached: {said}") from None
    log.warning("the database cannot be reached; trying again", action="federation", error=said)
