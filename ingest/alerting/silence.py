"""Who is silent: gathers, has ``models/silence.py`` judge, writes."""

import time

import psycopg

from ingest.alerting.book import Book, now_of
from ingest.alerting.settings import AlertSettings
from ingest.alerting.watch import REST
from ingest.sql import statements
from models.alert_kind import AlertKind
from models.condition import Because, Condition, Turn
from models.condition import Subject as AlertSubject
from models.silence import (
    Device,
    Kind,
    Limits,
    Open,
    Silence,
    Subject,
    Verdict,
    judge,
    listening_since,
    may_begin,
)

SQL = statements("alerts")


class SilenceLook:
    """Looks now and then."""

    def __init__(self, settings: AlertSettings, book: Book) -> None:
        """Prepares.

        Args:
            settings: How long silence lasts until it is an alert.
            book: Where alerts are written.
        """

        def us(name: str) -> int:
            return int(getattr(settings, name).total_seconds() * 1_000_000)

        self._limits = Limits(
            after_us={
                Kind.INSTITUTION: us("alert_institution_after"),
                Kind.GATEWAY: us("alert_gateway_after"),
                Kind.INSTRUMENT: us("alert_instrument_after"),
            },
            steady_us=us("alert_steady"),
            newer_us=us("alert_newer"),
        )
        self._book = book
        self._every = settings.alert_every.total_seconds()
        self._next = 0.0

    def look(self, connection: psycopg.Connection, *, at_once: bool = False) -> list[Turn]:
        """What changed, if it is time.

        Args:
            connection: In autocommit.
            at_once: Although it is not time.
        """
        began = time.monotonic()
        if began < self._next and not at_once:
            return []
        with connection.transaction():
            turn = self._judged(connection)
        self._next = time.monotonic() + max(self._every, REST * (time.monotonic() - began))
        return [turn]

    def _judged(self, connection: psycopg.Connection) -> Turn:
        now_us = now_of(connection)
        records = [
            (None if names is None else frozenset(names), start_us)
            for names, start_us in connection.execute(SQL["listening"])
        ]
        since = {
            key: listening_since(records, name) for key, name in connection.execute(SQL["gateways"])
        }
        told = self._book.standing(connection, [AlertKind(kind.value) for kind in Kind])
        standing = {
            (Kind(kind.value), key): Open(heard_since_us=heard_us)
            for (kind, key), heard_us in told.items()
        }
        verdict = Verdict()
        if standing or may_begin(now_us, since.values(), self._limits):
            # A nation's would not fit into memory at once.
            with connection.cursor("alert_devices") as cursor:
                cursor.itersize = 10_000
                devices = map(Device._make, cursor.execute(SQL["devices"]))
                verdict = judge(now_us, devices, since.get, standing, self._limits)
        turn = Turn(
            begin=_conditions(connection, verdict.begin),
            end=list(map(_subject, (*verdict.end, *verdict.gone))),
            because=_because(connection, verdict.gone),
            fold=list(map(_subject, verdict.fold)),
            over={_subject(one): us for one, us in verdict.heard.items()},
        )
        self._book.write(connection, now_us, turn)
        self._book.forget(connection)
        return turn


def _subject(one: Subject) -> AlertSubject:
    return AlertKind(one[0].value), one[1]


def _because(connection: psycopg.Connection, gone: list[Subject]) -> dict[AlertSubject, Because]:
    if not gone:
        return {}
    named = {"kinds": [kind.value for kind, _ in gone], "keys": [key for _, key in gone]}
    return {
        (AlertKind(kind), key): reason
        for kind, key, reason in connection.execute(SQL["reasons"], named)
    }


def _conditions(connection: psycopg.Connection, begin: list[Silence]) -> list[Condition]:
    if not begin:
        return []
    ids = {
        (kind, key): told
        for kind, key, told in connection.execute(
            SQL["subject_ids"],
            {"kinds": [one.kind.value for one in begin], "keys": [one.key for one in begin]},
        )
    }
    return [
        Condition(
            kind=AlertKind(one.kind.value),
            key=one.key,
            subject_id=ids[one.kind.value, one.key],
            institution=one.institution,
            since_us=one.since_us,
            instruments=one.instruments,
        )
        for one in begin
    ]
