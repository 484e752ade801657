"""One ingest process: its threads, its signals, its watchdog.

The network thread reads, the pipeline's thread writes, housekeeping works beside them; this,
the main thread, only watches. When a thread has died or nothing moves, the process ends with
status 3, for whoever runs it to start another: what was not acknowledged comes again.
"""

import contextlib
import ctypes
import gc
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any

import structlog
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from ingest.metrics import DatabaseMetrics, Metrics
from ingest.mqtt.certificate import CertificateWatch
from ingest.mqtt.fast_reader import FastReader
from ingest.mqtt.paho_reader import PahoReader
from ingest.mqtt.share import ShareKeeper
from ingest.mqtt.sparkplug_host import SparkplugHost
from ingest.mqtt.sparkplug_nodes import NodeKeeper
from ingest.page import serve
from ingest.path.pipeline import Pipeline
from ingest.settings import IngestSettings
from ingest.troubles import Kind, Troubles
from ingest.upkeep.housekeeping import Housekeeping
from ingest.upkeep.listening import Listener, ListeningRecord
from ingest.upkeep.observing import Observer
from ingest.upkeep.webhooks import Webhooks
from ingest.write.writer import Writer
from store.settings import wrong_settings

log = structlog.get_logger(__name__)

#: Longest time in which no loop may turn (s), or this many times the database's timeout,
#: whichever is longer: above every timeout of a single wait.
STUCK_AFTER, STUCK_SHARE = 150.0, 3.0
LOOK_EVERY = 1.0  # seconds between two looks of the watchdog
TIDY_EVERY = 60.0  # seconds between two times that memory is given back
EXIT_STUCK = 3
#: glibc's name for the number of heaps; other C libraries refuse it, or have no such call.
_M_ARENA_MAX = -8


def configure_logs() -> None:
    """Structured lines on standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


class Service:
    """Everything of one worker."""

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings
        self._metrics = Metrics(CollectorRegistry())
        reader = FastReader if settings.mqtt_reader == "fast" else PahoReader
        self._reader = reader(
            settings.mqtt_url.get_secret_value(),
            settings.mqtt_client_id,
            settings.filters(),
            window=settings.mqtt_window,
            window_bytes=settings.mqtt_window_bytes,
            keep_alive=settings.mqtt_keep_alive.total_seconds(),
            ca_file=settings.mqtt_ca_file,
        )
        self._host = _host(settings)
        self._pipeline = Pipeline(settings, self._reader, self._metrics, self._host)
        self._metrics.lag_seconds.set_function(lambda: self._pipeline.lag)
        self._troubles = Troubles(settings.worker)
        self._housekeeping = Housekeeping(
            settings,
            Writer(
                self._metrics,
                accept_past_us=int(settings.accept_past.total_seconds() * 1_000_000),
                raw_retention_us=int(settings.kept.total_seconds() * 1_000_000),
                zone=settings.timezone,
                believes=self._pipeline.believes,
            ),
            self._pipeline.trusts,
        )
        share = settings.share
        self._listener = Listener(
            ListeningRecord(settings.worker, settings.gateway_list(), self._pipeline.trusts),
            settings.database_url.get_secret_value(),
            settings.worker,
            None
            if share is None
            else ShareKeeper(share, settings.worker, self._reader, settings.mqtt_window),
            None if self._host is None else NodeKeeper(self._host),
        )
        self._observer = Observer(
            settings.database_url.get_secret_value(),
            settings.worker,
            DatabaseMetrics(self._metrics.registry),
        )
        self._webhooks = Webhooks(
            settings, settings.database_url.get_secret_value(), f"{settings.worker} webhooks"
        )
        self._stuck_after = max(
            STUCK_AFTER, STUCK_SHARE * settings.database_timeout.total_seconds()
        )
        self._stale_acks = self._rebirths = 0
        self._signals = 0
        self._stop = threading.Event()

    def run(self) -> int:
        """Works until a signal, or until something is stuck; the exit status."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        host, wanted = self._settings.metrics_host, self._settings.metrics_port
        try:
            port = serve(host, wanted, self._metrics.registry, self._state)
        except OSError as error:
            raise OSError(
                f"/metrics cannot listen on {host}:{wanted}: {error.strerror};"
                " JISHI_METRICS_PORT chooses another port, 0 a free one"
            ) from error
        url = f"http://{host}:{port}/metrics"
        threads = [
            threading.Thread(target=target, name=name, args=arguments, daemon=True)
            for name, target, arguments in (
                ("pipeline", self._pipeline.run, ()),
                ("housekeeping", self._housekeeping.run, ()),
                ("listening", self._listener.run, (lambda: self._reader.delivering,)),
                ("observing", self._observer.run, ()),
                ("webhooks", self._webhooks.run, ()),
            )
        ]
        CertificateWatch(
            self._settings.mqtt_url.get_secret_value(), self._metrics.certificate_expires
        ).start()
        self._reader.start()
        if self._host is not None:
            self._host.start()
        for thread in threads:
            thread.start()
        announced = False
        looked = tidied = time.monotonic()
        while not self._stop.wait(LOOK_EVERY if announced else 0.05):
            if self._reader.delivering and not announced:
                print(json.dumps({"metrics_url": url}), flush=True)
                announced = True
            self._tell()
            frozen, looked = time.monotonic() - looked > self._stuck_after / 2, time.monotonic()
            # Who was frozen as a whole has to let the others turn before judging them.
            stuck = "" if frozen else self._stuck(threads)
            if stuck:
                log.error("the process ends", action="watchdog", why=stuck)
                return EXIT_STUCK
            if looked - tidied > TIDY_EVERY:
                _give_memory_back()
                tidied = looked
        return self._drain(*threads)

    def _drain(
        self,
        pipeline: threading.Thread,
        _housekeeping: threading.Thread,
        listening: threading.Thread,
        observing: threading.Thread,
        webhooks: threading.Thread,
    ) -> int:
        deadline = time.monotonic() + self._settings.drain_deadline.total_seconds()
        log.info("draining", action="stop", queued=self._reader.queued)
        self._housekeeping.stop()
        if self._host is not None:
            self._host.close(max((deadline - time.monotonic()) / 4, 0.1))
        self._pipeline.stop()
        pipeline.join(max(deadline - time.monotonic(), 0.1))
        self._reader.close(max(deadline - time.monotonic(), 1.0))
        self._observer.stop()
        self._webhooks.stop()
        self._listener.stop()
        listening.join(1.0)
        observing.join(1.0)
        webhooks.join(1.0)
        log.info("stopped", action="stop", drained=not pipeline.is_alive())
        return 0

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1
        self._stop.set()
        if self._signals > 1:
            # Nothing is lost: what is not committed was not acknowledged.
            os._exit(130)

    def _tell(self) -> None:
        metrics, reader = self._metrics, self._reader
        metrics.connected.set(1 if reader.connected else 0)
        metrics.delivering.set(1 if reader.delivering else 0)
        metrics.in_flight.set(reader.in_flight)
        if self._host is not None:
            metrics.host_connected.set(1 if self._host.connected else 0)
            metrics.nodes.set(self._host.nodes)
            metrics.rebirths.inc(self._host.rebirths - self._rebirths)
            self._rebirths = self._host.rebirths
        metrics.stale_acks.inc(reader.stale_acks - self._stale_acks)
        self._stale_acks = reader.stale_acks
        for topic, figure in list(reader.broker_figures.items()):
            metrics.broker[topic].set(figure)
        self._look_for_troubles()

    def _look_for_troubles(self) -> None:
        found = self._pipeline.troubles()
        found[Kind.BROKER] = self._reader.away
        found[Kind.DELIVERY] = self._reader.lacking
        if not any(found.values()):
            # An idle worker writes nothing but its record.
            found[Kind.DATABASE] = self._listener.why_not
        self._troubles.look(found)
        lasting = self._troubles.now()
        for kind in Kind:
            lasts = any(trouble.kind is kind for trouble in lasting)
            self._metrics.trouble.labels(kind=kind.value).set(1 if lasts else 0)
        self._listener.state = lasting[0].kind if lasting else None

    def _state(self) -> dict[str, Any]:
        """What `/readyz` tells."""
        troubles = [trouble.told() for trouble in self._troubles.now()]
        listening = self._reader.delivering
        return {
            "ready": listening and not troubles,
            "worker": self._settings.worker,
            "listening": listening,
            "troubles": troubles,
        }

    def _stuck(self, threads: Sequence[threading.Thread]) -> str:
        now = time.monotonic()
        if now - self._reader.alive_at > self._stuck_after:
            return "the network thread is dead or stuck"
        if self._host is not None and now - self._host.alive_at > self._stuck_after:
            return "the Sparkplug host's thread is dead or stuck"
        for thread in threads:
            if not thread.is_alive():
                return f"the thread {thread.name} is dead"
        if now - self._pipeline.alive_at > self._stuck_after:
            return "the pipeline is stuck"
        return ""


def _host(settings: IngestSettings) -> SparkplugHost | None:
    """The Sparkplug host application, where the settings name one."""
    if not settings.sparkplug_host_id:
        return None
    own = settings.sparkplug_mqtt_url
    url = settings.mqtt_url if own is None else own
    return SparkplugHost(
        url.get_secret_value(),
        # Not the durable consumer's, which the broker would send away.
        f"{settings.mqtt_client_id}.{settings.sparkplug_host_id}",
        settings.sparkplug_host_id,
        reorder_timeout=settings.sparkplug_reorder_timeout.total_seconds(),
        keep_alive=settings.mqtt_keep_alive.total_seconds(),
        ca_file=settings.mqtt_ca_file,
    )


def _give_memory_back() -> None:
    """Frees what errors left behind, and returns what a backlog once needed to the system.

    An error that was caught lies in a cycle with its traceback, and that holds the frames it
    passed through, batches included. The collector would come upon it after millions of
    heartbeats; here it costs some milliseconds.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _quiet_collector() -> None:
    """Has the garbage collector look less often.

    A batch is ten thousands of values that none of them lie in cycles; walking over them, and
    over the city's status kept between batches, again and again was a third of ingest's time.
    What does lie in cycles is found by ``_give_memory_back``.
    """
    # One heap for all threads: each thread's own keeps what it once needed, and a batch passes
    # through four of them.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def main() -> int:
    """Reads the settings and runs; the exit status."""
    configure_logs()
    try:
        settings = IngestSettings()  # type: ignore[call-arg]  # the environment fills it
    except ValidationError as error:
        for wrong in wrong_settings(error):
            print(f"{wrong}; see `jishi ingest --show-settings`", file=sys.stderr)
        return 2
    _quiet_collector()
    try:
        return Service(settings).run()
    except (OSError, ValueError) as error:
        print(f"ingest cannot start: {error}", file=sys.stderr)
        return 1
