"""``jishi broker-sync``: hands gateways' accounts on to the broker, as they change.

The registry knows who may come in (`store/registry/broker_accounts.py`), the broker has a copy.
What keeps the copy is behind `Broker`, so that other brokers can be served: the local stack's is
`stack.Mosquitto`, one that runs elsewhere is `MosquittoFiles` here. `jishi up` does the same
in a thread of its own.
"""

import json
import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Protocol

import psycopg
import typer
from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

from cli.connection import DatabaseUrl, database_url, fail
from cli.metrics_page import serve_metrics
from stack.account import Account, write_private
from stack.errors import StackError
from stack.passwords import check_gateway, check_hash, password_file
from store.registry.broker_accounts import read_accounts
from store.run import run

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds; with the broker's reload a change holds within two
RETRY_AFTER = 2.0  # seconds without a database or a broker
#: How long Mosquitto may read its files (s), and what each gateway adds: it hashes the password of
#: each that is connected anew, meanwhile does nothing else, and forgets a SIGHUP that comes then.
READING = 5.0
READING_EACH = 0.002


class Broker(Protocol):
    """What takes accounts over."""

    def replace_gateways(self, hashes: Mapping[str, str]) -> None:
        """Let in exactly these gateways, by password hash; at once."""


class MosquittoFiles:
    """A Mosquitto that runs beside us: its password file, and the process that reads it."""

    def __init__(
        self,
        target: Path,
        *,
        base: Path | None,
        pid: int | None,
        pid_file: Path | None,
        certs: Path | None = None,
    ) -> None:
        """Describe it.

        Args:
            target: The broker's ``password_file``.
            base: Lines that come first: accounts that are no gateway's.
            pid: The broker's process.
            pid_file: Where that is read from each time.
            certs: The folder of what the broker shows and believes over TLS.
        """
        self._certs = certs
        self._target = target
        self._base = base
        self._pid = pid
        self._pid_file = pid_file
        # Who ran before us may have told it something just now.
        self._reading_until = math.inf
        self._reading = READING
        self._maybe_forgotten = False

    def beside(self) -> object:
        """What the files look like that others write: another value once one has changed."""
        files = [self._base] if self._base is not None else []
        if self._certs is not None:
            files += sorted(self._certs.iterdir())
        # Through links, which is how a renewed certificate comes.
        return [(file, (of := file.stat()).st_mtime_ns, of.st_size, of.st_ino) for file in files]

    def replace_gateways(self, hashes: Mapping[str, str]) -> None:
        """Write the file whole, then have the broker read it."""
        for gateway, value in hashes.items():
            check_gateway(gateway)
            check_hash(value)
        base = self._base.read_text("utf-8") if self._base is not None else ""
        text = (base.rstrip("\n") + "\n" if base.strip() else "") + password_file(hashes.items())
        owner = None
        if os.geteuid() == 0 and self._target.exists():
            # The broker's own user must be able to read it.
            before = self._target.stat()
            owner = Account(name="broker", uid=before.st_uid, gid=before.st_gid)
        write_private(self._target, text, owner)
        self._maybe_forgotten = time.monotonic() < self._reading_until
        self._reading = READING + READING_EACH * len(hashes)
        self._tell()

    def remind(self) -> None:
        """Have the broker read what it may have forgotten, as soon as it reads nothing else."""
        if self._maybe_forgotten and time.monotonic() >= self._reading_until:
            self._tell()
            self._maybe_forgotten = False

    def settle(self) -> None:
        """Return once the broker needs no reminding any more."""
        if self._maybe_forgotten and self._reading_until < math.inf:
            time.sleep(max(0.0, self._reading_until - time.monotonic()))
            self.remind()

    def _tell(self) -> None:
        pid = self._pid
        if self._pid_file is not None:
            pid = int(self._pid_file.read_text("ascii"))
        if pid is not None:
            self._reading_until = time.monotonic() + self._reading
            os.kill(pid, signal.SIGHUP)


class Metrics:
    """What ``/metrics`` of ``jishi broker-sync`` tells."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        ProcessCollector(registry=registry)
        self.looked = Gauge(
            "jishi_broker_sync_looked_timestamp_seconds",
            "When the broker's accounts were last known to be the registry's",
            registry=registry,
        )
        self.accounts = Gauge(
            "jishi_broker_sync_accounts", "Gateways that the broker lets in", registry=registry
        )
        self.failures = Counter(
            "jishi_broker_sync_failures_total",
            "Times that accounts could not be read, or not be handed on to the broker",
            registry=registry,
        )


class Watcher:
    """Looks for changes and hands them on, until it is stopped."""

    def __init__(
        self,
        url: str,
        broker: Broker,
        also: Callable[[], None] = lambda: None,
        metrics: Metrics | None = None,
        beside: Callable[[], object] = lambda: None,
    ) -> None:
        """Describe it.

        Args:
            url: The database, as a role that may read accounts.
            broker: What takes them over.
            also: Done with every look, for what else the broker has to be told.
            metrics: What is counted, where somebody asks.
            beside: Told with every look; where it changes, all is handed on anew.
        """
        self._beside = beside
        self._handed: object = None
        self._metrics = metrics or Metrics(CollectorRegistry())
        self._url = url
        self._broker = broker
        self._also = also
        self._stop = threading.Event()
        self._seen: int | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Take over what there is, then go on in a thread."""
        self._thread = threading.Thread(target=self.run, name="broker accounts", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Have `run` return soon."""
        self._stop.set()

    def stop(self) -> None:
        """End; returns once the thread has."""
        self.end()
        if self._thread is not None:
            self._thread.join()

    def run(self) -> None:
        """Look for changes until stopped; what is away is tried again."""
        while not self._stop.is_set():
            try:
                with psycopg.connect(
                    self._url, autocommit=True, connect_timeout=5, application_name="jishi-broker"
                ) as connection:
                    while True:
                        self.look(connection)
                        self._also()
                        if self._stop.wait(EVERY):
                            return
            except (psycopg.Error, OSError, ValueError, StackError) as error:
                self._metrics.failures.inc()
                log.warning("broker accounts not taken over: %s", str(error).strip())
                self._stop.wait(RETRY_AFTER)

    def look(self, connection: psycopg.Connection[object]) -> bool:
        """Hand on what changed; whether anything had."""
        # Before it is read: what is written meanwhile is seen next time.
        beside = self._beside()
        since = self._seen if beside == self._handed else None
        revision, accounts = run(connection, read_accounts(since))
        if accounts is None:
            self._metrics.looked.set_to_current_time()
            return False
        self._broker.replace_gateways(accounts)
        # Only now: what the broker did not take is tried again.
        self._seen, self._handed = revision, beside
        self._metrics.accounts.set(len(accounts))
        self._metrics.looked.set_to_current_time()
        log.info("broker accounts taken over: %d", len(accounts))
        return True


def broker_sync(
    target: Annotated[
        Path,
        typer.Option(
            "--password-file", envvar="JISHI_BROKER_PASSWORD_FILE", help="Mosquitto's own; written."
        ),
    ],
    base: Annotated[
        Path | None,
        typer.Option(
            "--base-file",
            envvar="JISHI_BROKER_BASE_FILE",
            help="Accounts that come first, such as the ingest's; in the same form.",
        ),
    ] = None,
    pid: Annotated[
        int | None,
        typer.Option("--pid", envvar="JISHI_BROKER_PID", help="Mosquitto's process."),
    ] = None,
    pid_file: Annotated[
        Path | None,
        typer.Option("--pid-file", envvar="JISHI_BROKER_PID_FILE", help="A file that names it."),
    ] = None,
    certs: Annotated[
        Path | None,
        typer.Option(
            "--certs",
            envvar="JISHI_BROKER_CERTS_DIR",
            help="The broker's certificates; where one changes, it reads them anew.",
        ),
    ] = None,
    metrics_host: Annotated[
        str,
        typer.Option("--metrics-host", envvar="JISHI_METRICS_HOST", help="Where /metrics listens."),
    ] = "127.0.0.1",
    metrics_port: Annotated[
        int | None,
        typer.Option(
            "--metrics-port",
            envvar="JISHI_BROKER_SYNC_METRICS_PORT",
            help="The port of /metrics, such as 9465; 0: a free one.  [default: no metrics]",
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Hand on what there is, then end.")] = False,
    url: DatabaseUrl = None,
) -> None:
    """Keep a Mosquitto's password file as the registry has gateways' accounts.

    Changes hold within seconds: the file is written whole and the broker told to read it
    (SIGHUP), certificates included. It then disconnects gateways that were shut out.
    """
    if pid is not None and pid_file is not None:
        raise fail("give --pid or --pid-file, not both", 2)
    metrics = Metrics(CollectorRegistry())
    files = MosquittoFiles(target, base=base, pid=pid, pid_file=pid_file, certs=certs)
    watcher = Watcher(
        database_url(url, None), files, also=files.remind, metrics=metrics, beside=files.beside
    )
    if not once:
        if metrics_port is not None:
            url = serve_metrics(metrics_host, metrics_port, metrics.registry)
            print(json.dumps({"metrics_url": url}), flush=True)
        signal.signal(signal.SIGTERM, lambda *_: watcher.end())
        watcher.run()
        return
    try:
        with psycopg.connect(database_url(url, None), connect_timeout=5) as connection:
            watcher.look(connection)
        files.settle()
    except (psycopg.Error, OSError, ValueError) as error:
        raise fail(f"the accounts cannot be handed on: {str(error).strip()}") from None
