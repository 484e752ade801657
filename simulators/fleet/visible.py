"""How long it takes until what was published is seen through the API.

One heartbeat at a time: a gateway offers one that it publishes, and a thread asks for its
instrument's status until that heartbeat is there. ``stats.py`` counts the delays; what receipts
say of the way to the database is their round trip.
"""

import threading
import time
from datetime import UTC, datetime, timedelta

import httpx
import msgspec

from simulators.fleet.stats import Histogram

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EVERY_S = 1.0  # between two probes
_ASK_S = 0.025  # between two questions of one; what is measured is rounded up by it
_PATIENCE_S = 30.0


class VisibleProbe:
    """Measures while a fleet runs; its thread ends with ``close``."""

    def __init__(self, api_url: str, api_key: str, delays: Histogram) -> None:
        self._client = httpx.Client(
            base_url=api_url, headers={"Authorization": f"Bearer {api_key}"}, timeout=10.0
        )
        self._delays = delays
        #: Heartbeats that were not seen within ``_PATIENCE_S``, or not at all.
        self.unseen = 0
        self._offered = threading.Event()
        self._closed = threading.Event()
        self._target: tuple[str, int, float] = ("", 0, 0.0)
        #: Whether an offer is welcome; read by the fleet's thread before each publish.
        self.is_free = True
        self._thread = threading.Thread(target=self._run, name="visible-probe", daemon=True)
        self._thread.start()

    def offer(self, instrument_id: str, ts_us: int) -> None:
        """Watch for a heartbeat that is being published now."""
        self.is_free = False
        self._target = (instrument_id, ts_us, time.monotonic())
        self._offered.set()

    def close(self) -> None:
        """End the thread; again, it does nothing."""
        self._closed.set()
        self._offered.set()
        self._thread.join(15.0)
        self._client.close()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._offered.wait()
            self._offered.clear()
            if self._closed.is_set():
                return
            self._follow(*self._target)
            self._closed.wait(_EVERY_S)
            self.is_free = True

    def _follow(self, instrument_id: str, ts_us: int, published: float) -> None:
        path = f"/v1/instruments/{instrument_id}/status"
        while time.monotonic() - published < _PATIENCE_S:
            if self._closed.wait(_ASK_S):
                return
            try:
                response = self._client.get(path)
                told = msgspec.json.decode(response.content).get("last_heartbeat_at")
            except (httpx.HTTPError, msgspec.DecodeError, AttributeError):
                continue  # an outage of the API delays what can be seen, too
            if told and (datetime.fromisoformat(told) - _EPOCH) // timedelta(microseconds=1) >= (
                ts_us
            ):
                self._delays.add(int((time.monotonic() - published) * 1e6))
                return
        self.unseen += 1
