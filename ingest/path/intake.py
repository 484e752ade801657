"""The next batch is taken and decoded while the last one is being written.

One thread stands between the reader and the pipeline's: it is at most one decoded batch ahead,
so memory stays bounded by the reader's window, and the order of arrival is kept. The interpreter
runs one thread at a time, so decoding early gains nothing: it begins when the writer says that
it only waits for the database, or asks for the next batch. Nothing is acknowledged here. How a
batch is written is ``pipeline.py``'s.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from ingest.mqtt.reader import Reader, Token
from ingest.mqtt.sparkplug_host import SparkplugHost
from ingest.path.decode import decode_deliveries
from ingest.settings import IngestSettings
from ingest.write.inbounds import Inbounds

#: Seconds without a delivery until a loop turns, and sees whether it is to stop.
IDLE_WAIT = 0.5
#: The same where a Sparkplug host is heard too, which waits for this.
HOST_WAIT = 0.05


@dataclass(frozen=True, slots=True)
class Taken:
    """A decoded batch; ``tokens`` and ``inbounds`` belong together by place."""

    inbounds: Inbounds
    tokens: list[Token | None]


class IntakeDeadError(RuntimeError):
    """The intake's thread ended without being told to: the process must end too."""


class Intake:
    """Takes from a reader, one batch ahead of whoever asks for the ``next`` one."""

    def __init__(
        self, reader: Reader, settings: IngestSettings, host: SparkplugHost | None = None
    ) -> None:
        self._reader = reader
        self._host = host
        self._most = settings.batch_messages
        self._most_bytes = settings.batch_bytes
        self._linger = settings.batch_age.total_seconds()
        self._ready: Taken | None = None
        #: When the first of what is held here came (monotonic s).
        self.oldest: float | None = None
        self._wanted = True
        self._changed = threading.Condition()
        self._draining = False
        self._closed = False
        self._finished = False
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def next(self, unless: Callable[[], bool] = lambda: False) -> Taken | None:
        """The next batch in order of arrival; ``None`` when none came for a while.

        Args:
            unless: Ends the wait once true, which ``look`` is to say.

        Raises:
            IntakeDeadError: None will ever come.
        """
        with self._changed:
            if self._ready is None and not self._finished:
                self._wanted = True
                self._changed.notify_all()
                self._changed.wait_for(
                    lambda: self._ready is not None or self._finished or unless(), IDLE_WAIT
                )
            taken, self._ready = self._ready, None
            if taken is not None:
                self.oldest = None
            if taken is None and not self._finished and not self._thread.is_alive():
                raise IntakeDeadError("the intake's thread is dead")
            return taken

    def go(self) -> None:
        """Says that whoever took the last batch leaves the interpreter to others now."""
        with self._changed:
            self._wanted = self._ready is None
            self._changed.notify_all()

    def look(self) -> None:
        """Has who waits for the next batch see whether to wait on."""
        with self._changed:
            self._changed.notify_all()

    def drain(self) -> None:
        """Has the thread end once nothing that was received waits at the reader."""
        self._draining = True

    def close(self) -> None:
        """Ends the thread; what it holds is given up, and comes again."""
        with self._changed:
            self._closed = True
            self._ready = None
            self._changed.notify_all()

    @property
    def drained(self) -> bool:
        """Whether ``drain`` was called and the last batch has been handed over."""
        with self._changed:
            return self._finished and self._ready is None

    def _run(self) -> None:
        while self._goes_on():
            wait = IDLE_WAIT if self._host is None else HOST_WAIT
            deliveries = self._reader.take(self._most, wait, self._linger, self._most_bytes)
            if self._host is not None:
                deliveries += self._host.take()
            if not deliveries:
                continue
            self.oldest = deliveries[0].arrived
            taken = Taken(
                decode_deliveries(deliveries),
                [delivery.token for delivery in deliveries],
            )
            # What was decoded holds the payloads; the deliveries themselves are done with.
            del deliveries
            with self._changed:
                self._ready = taken
                del taken
                self._wanted = False
                self._changed.notify_all()
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def _goes_on(self) -> bool:
        """Waits until a batch is wanted; False at the end."""
        with self._changed:
            while not self._wanted and not self._closed:
                self._changed.wait()
        queued = self._reader.queued + (0 if self._host is None else self._host.queued)
        return not self._closed and not (self._draining and queued == 0)
