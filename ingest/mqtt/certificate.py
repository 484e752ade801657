"""When the certificate ends that the broker shows, whether or not it is believed.

Over a connection of its own: the one by which heartbeats come may have been made months before the
certificate was renewed, and cannot be made at all once it has ended.
"""

import ssl
import threading

import structlog
from prometheus_client import Gauge

from ingest.mqtt.connection import CONNECT_WITHIN, parse_address

log = structlog.get_logger(__name__)

EVERY, AGAIN = 600.0, 10.0  # seconds between two looks, and after one in which nobody answered


def ends_at(host: str, port: int) -> float:
    """The end of the certificate that is shown there, seconds since 1970.

    Raises:
        OSError: Nobody answers, or not in TLS.
    """
    from cryptography import x509  # here, since it takes 8 MB, and a broker on the host has no TLS

    shown = ssl.get_server_certificate((host, port), timeout=CONNECT_WITHIN)
    return x509.load_pem_x509_certificate(shown.encode()).not_valid_after_utc.timestamp()


class CertificateWatch:
    """Looks from a thread of its own, to the end of the process."""

    def __init__(self, url: str, gauge: Gauge) -> None:
        """Prepares; ``start`` looks, if there is TLS.

        Args:
            url: The broker's, as the reader has it.
            gauge: Told the end; stays as it was while nobody answers.
        """
        self._address = parse_address(url)
        self._gauge = gauge

    def start(self) -> None:
        """Begins."""
        if self._address.tls:
            threading.Thread(target=self._run, name="certificate", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            try:
                self._gauge.set(ends_at(self._address.host, self._address.port))
                seen = True
            except (OSError, ValueError) as error:
                log.debug("no certificate seen", action="certificate", error=str(error))
                seen = False
            pause.wait(EVERY if seen else AGAIN)
