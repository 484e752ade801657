"""One ingest process: its threads, its signals, its watchdog.

The network thread reads, the pipeline's thread writes, housekeeping works beside them; this,
the main thread, only watches. When a thread has died or nothing moves, the process ends with
status 3, for whoever runs it to start another: what was not acknowledged comes again.
"""

import json
import logging
import os
import signal
import sys
import threading
import time
from types import FrameType

import psycopg
import structlog
from prometheus_client import CollectorRegistry, start_http_server
from pydantic import ValidationError

from ingest.housekeeping import Housekeeping
from ingest.listening import EXTEND_EVERY, ListeningRecord
from ingest.metrics import Metrics
from ingest.paho_reader import PahoReader
from ingest.pipeline import Pipeline
from ingest.settings import IngestSettings
from ingest.writer import Writer

log = structlog.get_logger(__name__)

#: Longest time in which no loop may turn; above every timeout of a single wait (s).
STUCK_AFTER = 150.0
EXIT_STUCK = 3


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
        self._reader = PahoReader(
            settings.mqtt_url.get_secret_value(),
            settings.mqtt_client_id,
            settings.filters(),
            window=settings.mqtt_window,
            ca_file=settings.mqtt_ca_file,
        )
        self._pipeline = Pipeline(settings, self._reader, self._metrics)
        self._housekeeping = Housekeeping(
            settings,
            Writer(
                self._metrics,
                accept_past_us=int(settings.accept_past.total_seconds() * 1_000_000),
                raw_retention_us=int(settings.kept.total_seconds() * 1_000_000),
            ),
        )
        self._record = ListeningRecord(settings.worker, settings.gateway_list())
        self._recording: psycopg.Connection | None = None
        self._signals = 0
        self._stop = threading.Event()

    def run(self) -> int:
        """Works until a signal, or until something is stuck; the exit status."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        server, _ = start_http_server(
            self._settings.metrics_port,
            self._settings.metrics_host,
            registry=self._metrics.registry,
        )
        url = f"http://{self._settings.metrics_host}:{server.server_port}/metrics"
        pipeline = threading.Thread(target=self._pipeline.run, name="pipeline", daemon=True)
        housekeeping = threading.Thread(
            target=self._housekeeping.run, name="housekeeping", daemon=True
        )
        self._reader.start()
        pipeline.start()
        housekeeping.start()
        announced = False
        while not self._stop.wait(EXTEND_EVERY if announced else 0.05):
            if self._reader.connected and not announced:
                self._note_listening()
                print(json.dumps({"metrics_url": url}), flush=True)
                announced = True
            if announced:
                self._note_listening()
            self._tell()
            stuck = self._stuck(pipeline)
            if stuck:
                log.error("the process ends", action="watchdog", why=stuck)
                return EXIT_STUCK
        return self._drain(pipeline)

    def _drain(self, pipeline: threading.Thread) -> int:
        deadline = time.monotonic() + self._settings.drain_deadline.total_seconds()
        log.info("draining", action="stop", queued=self._reader.queued)
        self._housekeeping.stop()
        self._pipeline.stop()
        pipeline.join(max(deadline - time.monotonic(), 0.1))
        self._reader.close(max(deadline - time.monotonic(), 1.0))
        if self._recording is not None and not self._recording.closed:
            try:
                self._record.close(self._recording)
                self._recording.close()
            except psycopg.Error as error:
                log.debug("record not closed", action="stop", error=str(error))
        log.info("stopped", action="stop", drained=not pipeline.is_alive())
        return 0

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1
        self._stop.set()
        if self._signals > 1:
            # Nothing is lost: what is not committed was not acknowledged.
            os._exit(130)

    def _note_listening(self) -> None:
        try:
            if self._recording is None or self._recording.closed:
                self._recording = psycopg.connect(
                    self._settings.database_url.get_secret_value(),
                    autocommit=True,
                    connect_timeout=2,
                    application_name=f"{self._settings.worker} listening",
                    options="-c statement_timeout=2000",
                )
            self._record.note(self._recording, connected=self._reader.connected)
        except psycopg.Error as error:
            log.debug("record not extended", action="listening", error=str(error))
            if self._recording is not None:
                self._recording.close()
            self._recording = None

    def _tell(self) -> None:
        metrics = self._metrics
        metrics.connected.set(1 if self._reader.connected else 0)
        metrics.in_flight.set(self._reader.queued)

    def _stuck(self, pipeline: threading.Thread) -> str:
        now = time.monotonic()
        if now - self._reader.alive_at > STUCK_AFTER:
            return "the network thread is dead or stuck"
        if not pipeline.is_alive():
            return "the pipeline's thread is dead"
        if now - self._pipeline.alive_at > STUCK_AFTER:
            return "the pipeline is stuck"
        return ""


def main() -> int:
    """Reads the settings and runs; the exit status."""
    configure_logs()
    try:
        settings = IngestSettings()  # type: ignore[call-arg]  # the environment fills it
    except ValidationError as error:
        for problem in error.errors():
            name = "JISHI_" + "_".join(str(part) for part in problem["loc"]).upper()
            print(f"{name}: {problem['msg']}; see `jishi ingest --help`", file=sys.stderr)
        return 2
    try:
        return Service(settings).run()
    except (OSError, ValueError) as error:
        print(f"ingest cannot start: {error}", file=sys.stderr)
        return 1
