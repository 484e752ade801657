"""Somebody who asks the API all the time while faults happen, and counts how it answers."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Sequence
from typing import Any

WAIT = 40.0  # seconds for one answer


class Asker(threading.Thread):
    """Asks each of some addresses in turn."""

    def __init__(self, url: str, key: str, addresses: Sequence[str], pause: float = 0.3) -> None:
        """Prepares; ``start`` asks until ``stop``.

        Args:
            url: Where the API listens.
            key: One that may read all of them.
            addresses: Paths with their queries.
            pause: Seconds between two questions.
        """
        super().__init__(name="asker", daemon=True)
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"}
        self._addresses = list(addresses)
        self._pause = pause
        self._stopping = threading.Event()
        self.statuses: Counter[int] = Counter()
        #: What no fault outside excuses: neither 200 nor "try again later".
        self.wrong: list[str] = []
        self.slowest = 0.0  # seconds

    def ask(self, address: str) -> tuple[int, Any]:
        """Status and body of one answer; 0 where there was none."""
        request = urllib.request.Request(self._url + address, headers=self._headers)
        try:
            with urllib.request.urlopen(request, timeout=WAIT) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode("utf-8", "replace")
        except (OSError, ValueError) as error:
            return 0, str(error)

    def run(self) -> None:
        """Asks."""
        while not self._stopping.is_set():
            for address in self._addresses:
                began = time.monotonic()
                status, body = self.ask(address)
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.statuses[status] += 1
                if status not in (200, 503, 504):
                    self.wrong.append(f"{time.strftime('%H:%M:%S')} {status} {address}: {body}")
                if self._stopping.wait(self._pause):
                    return

    def stop(self) -> None:
        """Ends the thread."""
        self._stopping.set()
        self.join(2 * WAIT)
