"""Brings closed periods to those who are to have them: `jishi reports deliver` (``deliver.py``).

What is due stands in the database (``store/reports/outbox.py``), and stays there until it arrived:
whoever sends may be killed at any moment. `jishi up` does the same in a thread of its own.
"""

import errno
import os
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
import structlog

from api.freezing import ALWAYS, file_name, freeze_files, write_form
from ingest.upkeep.posting import ForbiddenError, post
from models.delivery import Kind, Outcome, outcome_of
from models.manifest import SIGNATURE_ENDING, manifest_name, manifest_number
from models.period import Period
from models.record import Record
from models.report_profile import Profile, ProfileError
from models.report_value import PeriodFacts
from models.webhook import signed
from reports.folder import write_whole
from reports.message import message
from reports.signing import KeyUnreadableError, read_signer
from store.reports.files import list_files, list_manifests, pieces_of, read_piece
from store.reports.outbox import (
    PORTION,
    Receiver,
    Taken,
    Try,
    look_for_periods,
    note_look,
    note_no_items,
    note_try,
    put_files,
    put_records,
    release,
    take,
)
from store.reports.periods import Ledger, load_records, open_ledger
from store.reports.persons import persons_of
from store.reports.profiles import find_profile
from store.reports.register import find_period
from store.reports.values import load_values
from store.run import run
from store.sealing import CannotOpenError, Sealer

log = structlog.get_logger(__name__)

EVERY_S = 1.0
AGAIN_S = 5.0  # without a database
PATIENCE_S = 60.0  # for one statement
#: Folders of the whole city's periods; no institution can be called this.
CITY = "_city"

Connection = psycopg.Connection[Any]


class CannotError(Exception):
    """Nothing can be sent as things are; the message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What it takes to send."""

    #: Opens the secrets of addresses; none: nothing goes to any.
    sealer: Sealer | None
    #: Private networks that addresses may lie in.
    networks: Sequence[IPv4Network | IPv6Network]
    #: Below which all folders lie; none: there are none.
    folder: Path | None
    #: The private key that signs what is frozen for a folder.
    key_file: Path | None


class Sender:
    """Looks for closed periods, and sends what is due."""

    def __init__(self, url: str, means: Means) -> None:
        """Prepares; ``run`` sends.

        Args:
            url: The database, as the role that the API has.
            means: What it takes.
        """
        self._url = url
        self._means = means
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ends ``run`` once what it sends is sent."""
        self._stopping.set()

    def run(self) -> None:
        """Sends until stopped; a database that is away is waited for."""
        is_away = False
        while not self._stopping.is_set():
            try:
                with self.connect() as connection:
                    is_away = False
                    while not self._stopping.is_set():
                        if not self.step(connection):
                            self._stopping.wait(EVERY_S)
            except (psycopg.Error, OSError) as error:
                if not is_away:
                    log.warning(
                        "the database cannot be used; trying again",
                        action="deliver",
                        why=str(error).strip(),
                    )
                is_away = True
                self._stopping.wait(AGAIN_S)

    def connect(self) -> Connection:
        """To the database; in autocommit: nothing is held while a receiver is waited for."""
        return psycopg.connect(
            self._url,
            autocommit=True,
            connect_timeout=5,
            application_name="jishi deliver",
            options=f"-c statement_timeout={PATIENCE_S:.0f}s -c TimeZone=UTC",
        )

    def step(self, connection: Connection) -> bool:
        """Does one thing that is due; whether there was one."""
        return self.look(connection) or self.send(connection) > 0

    def look(self, connection: Connection) -> bool:
        """Puts newly closed periods into the outbox of one delivery whose time it is."""
        with connection.transaction():
            found = run(connection, look_for_periods())
            if found is None:
                return False
            receiver, period_ids = found
            for period_id in period_ids:
                try:
                    with connection.transaction():
                        self._put(connection, receiver, period_id)
                except CannotError as error:
                    pause = run(connection, note_no_items(receiver, str(error)))
                    _tell_failure(receiver, str(error), pause)
                    break
            run(connection, note_look(receiver))
        return True

    def _put(self, connection: Connection, receiver: Receiver, period_id: int) -> None:
        if receiver.kind == Kind.HTTPS:
            _records_profile(connection, receiver)
            run(connection, put_records(receiver, period_id))
        elif receiver.persons:
            name = file_name(_profile(connection, receiver.profile), receiver.form)
            run(connection, put_files(receiver, period_id, [name]))
        else:
            run(
                connection,
                put_files(receiver, period_id, self._frozen(connection, receiver, period_id)),
            )

    def _frozen(self, connection: Connection, receiver: Receiver, period_id: int) -> list[str]:
        """All files of a period, what vouches for them last; the receiver's form is among them."""
        if self._means.key_file is None:
            raise CannotError("JISHI_SIGNING_KEY_FILE is not set here, so nothing can be frozen")
        period = _period(connection, period_id)
        always = (_profile(connection, ALWAYS[0]), ALWAYS[1])
        wanted = [always, (_profile(connection, receiver.profile), receiver.form)]
        try:
            freeze_files(connection, period, wanted, read_signer(self._means.key_file))
        except (KeyUnreadableError, ValueError) as error:
            raise CannotError(str(error)) from None
        names = [file.name for file in run(connection, list_files(period_id))]
        for manifest in run(connection, list_manifests(period_id)):
            name = manifest_name(manifest.number)
            names += [name + SIGNATURE_ENDING, name]
        return names

    def send(self, connection: Connection) -> int:
        """Sends what is due to the receiver whose turn it is; how much that was."""
        with connection.transaction():
            taken = run(connection, take())
        if taken is None:
            return 0
        receiver, items = taken
        refused: list[str] = []
        reading = _Reading(connection)
        for place, item in enumerate(items):
            tried = self._try(reading, receiver, item)
            with connection.transaction():
                pause = run(connection, note_try(receiver, item, tried))
                if tried.outcome is Outcome.FAILED:
                    run(connection, release(items[place + 1 :]))
            if tried.outcome is Outcome.FAILED:
                _tell_failure(receiver, tried.error or "", pause)
                return place + 1
            if tried.outcome is Outcome.REFUSED and (item.tries == 1 or pause is None):
                refused.append(tried.error or "")
        if receiver.failures and items:
            log.info("a delivery works again", action="deliver", delivery=receiver.name)
        if refused:
            log.warning(
                "a receiver refuses what it is sent",
                action="deliver",
                delivery=receiver.name,
                refused=len(refused),
                why=refused[0],
            )
        return len(items)

    def _try(self, reading: "_Reading", receiver: Receiver, item: Taken) -> Try:
        try:
            if receiver.kind == Kind.HTTPS:
                return self._post(reading, receiver, item)
            return self._write(reading.connection, receiver, item)
        except CannotError as error:
            return Try(outcome=Outcome.FAILED, error=str(error))

    def _post(self, reading: "_Reading", receiver: Receiver, item: Taken) -> Try:
        assert item.n is not None
        profile = _records_profile(reading.connection, receiver)
        period, record = reading.record(item.period_id, item.n)
        persons = run(reading.connection, persons_of(record)) if receiver.persons else {}
        message_id, body = message(
            profile, record, PeriodFacts.of(period), reading.values(item.period_id), persons
        )
        if self._means.sealer is None or receiver.sealed_secret is None:
            raise CannotError("JISHI_WEBHOOK_KEYS is not set here, so nothing can be signed")
        try:
            secret = self._means.sealer.open(receiver.sealed_secret)
            headers = signed(secret, message_id, int(time.time()), body)
            status, answer = post(receiver.url, body, headers, self._means.networks)
        except CannotOpenError:
            raise CannotError(
                "its secret was sealed with a key that JISHI_WEBHOOK_KEYS does not have"
            ) from None
        except ForbiddenError as error:
            raise CannotError(str(error)) from None
        except (OSError, ValueError) as error:
            raise CannotError(why(error)) from None
        outcome = outcome_of(status)
        return Try(
            outcome=outcome,
            status=status,
            # An answer may repeat what it was sent, and no person stays where nobody would look.
            answer=None if receiver.persons else answer,
            error=None if outcome is Outcome.DELIVERED else f"it answers {status}",
            sha256=sha256(body).hexdigest(),
        )

    def _write(self, connection: Connection, receiver: Receiver, item: Taken) -> Try:
        assert item.name is not None
        root = self._means.folder
        if root is None:
            raise CannotError("JISHI_DELIVERIES_FOLDER is not set here, so there are no folders")
        if not root.is_dir():
            raise CannotError(f"{root} is not there: is its disk mounted?")
        whose = root / (receiver.institution_id or CITY) / receiver.url
        path = whose / f"period-{item.period_id}" / item.name

        def fill(out: BinaryIO) -> None:
            _fill(connection, receiver, item, out)

        try:
            digest = write_whole(path, fill)
        except psycopg.Error:
            raise
        except (OSError, ValueError) as error:
            raise CannotError(f"{path.parent} cannot be written: {why(error)}") from None
        return Try(outcome=Outcome.DELIVERED, sha256=digest)


class _Reading:
    """Frozen records as a portion needs them: those that follow one another are read at once."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._ledgers: dict[int, Ledger] = {}
        self._records: dict[tuple[int, int], Record] = {}
        self._values: dict[int, dict[str, Mapping[str, str]]] = {}

    def values(self, period_id: int) -> dict[str, Mapping[str, str]]:
        """What was said of a period's instruments that nothing measures."""
        if period_id not in self._values:
            self._values[period_id] = run(self.connection, load_values(period_id))
        return self._values[period_id]

    def record(self, period_id: int, n: int) -> tuple[Period, Record]:
        """A record of a closed period, by its number."""
        if period_id not in self._ledgers:
            period = _period(self.connection, period_id)
            self._ledgers[period_id] = run(self.connection, open_ledger(period))
        ledger = self._ledgers[period_id]
        if (period_id, n) not in self._records:
            found = run(self.connection, load_records(ledger, n - 1, PORTION))
            self._records |= {(period_id, n + place): one for place, one in enumerate(found)}
        return ledger.period, self._records[period_id, n]


def _fill(connection: Connection, receiver: Receiver, item: Taken, out: BinaryIO) -> None:
    """Writes the bytes of a file that is due."""
    assert item.name is not None
    base = item.name.removesuffix(SIGNATURE_ENDING)
    number = manifest_number(base)
    if number is not None:
        (manifest,) = run(connection, list_manifests(item.period_id, number))
        out.write(manifest.manifest if base == item.name else manifest.signature)
        return
    if receiver.persons:
        period = _period(connection, item.period_id)
        with connection.transaction():
            told = run(connection, persons_of(period))
            profile = _profile(connection, receiver.profile)
            write_form(connection, period, profile, receiver.form, out, told)
        return
    (file,) = run(connection, list_files(item.period_id, item.name))
    for n in pieces_of(file.size):
        out.write(run(connection, read_piece(item.period_id, item.name, n)) or b"")


def _period(connection: Connection, period_id: int) -> Period:
    period = run(connection, find_period(period_id))
    assert period is not None, "closed periods stay"
    return period


def _profile(connection: Connection, name: str) -> Profile:
    try:
        profile = run(connection, find_profile(name))
    except ProfileError as error:
        raise CannotError(f"report profile {name!r} is of a newer release: {error}") from None
    if profile is None:
        raise CannotError(f"there is no report profile {name!r}")
    return profile


def _records_profile(connection: Connection, receiver: Receiver) -> Profile:
    """The form of single records."""
    found = _profile(connection, receiver.profile)
    if found.document.row != "record":
        raise CannotError(
            f"{receiver.profile!r} has a row an instrument, and records go to an address: name a"
            " form with a row a record, or have it written into a folder"
        )
    return found


def _tell_failure(receiver: Receiver, failure: str, pause: int | None) -> None:
    """One line when it begins to fail, or fails otherwise; `GET /v1/deliveries` has the rest."""
    if failure != receiver.failure:
        log.warning(
            "a delivery fails; what is due to it waits",
            action="deliver",
            delivery=receiver.name,
            why=failure,
            again_in_s=pause,
        )


def why(error: Exception) -> str:
    """An error of network or disk, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not to be trusted: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return f"its name cannot be looked up: {error.strerror}"
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "no space is left"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
