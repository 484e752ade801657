"""One POST to an address that somebody named, and to nowhere that they should not reach.

A name is looked up here and the connection made to just that address, so that it cannot mean
another one by then; nothing is redirected. Addresses of private networks, of this machine and
the like are refused unless a setting lets them: whoever may name a webhook may not look around
behind the firewall through us.
"""

import http.client
import socket
import ssl
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import urlsplit

from models.public_address import Address, is_public, plain_address

Network = IPv4Network | IPv6Network
WITHIN = 10.0  # seconds for the connection, and for each read
HEARD = 4_096  # bytes of an answer that are looked at


class ForbiddenError(Exception):
    """The address is none that we post to; the message says why."""


def post(
    url: str, body: bytes, headers: Mapping[str, str], networks: Sequence[Network]
) -> tuple[int, bytes]:
    """Posts JSON.

    Args:
        url: ``https://``, or ``http://`` within ``networks``.
        body: What is sent.
        headers: Beside the content's own.
        networks: Where else than in the open Internet it may go.

    Returns:
        The answer's status, and its beginning.

    Raises:
        ForbiddenError: It may not go there.
        OSError: It cannot be reached, or does not answer.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ForbiddenError(f"{parts.scheme!r} is not https")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address, is_ours = _address(parts.hostname, port, networks)
    if parts.scheme == "http" and not is_ours:
        raise ForbiddenError("outside of JISHI_WEBHOOK_NETWORKS only https is spoken")
    connection = _To(parts.hostname, port, str(address), tls=parts.scheme == "https")
    path = parts.path or "/"
    try:
        connection.request(
            "POST",
            f"{path}?{parts.query}" if parts.query else path,
            body,
            {"Content-Type": "application/json", "User-Agent": "Jishi", **headers},
        )
        answer = connection.getresponse()
        return answer.status, answer.read(HEARD)
    except http.client.HTTPException as error:
        raise OSError(f"no HTTP: {error!r}") from error
    finally:
        connection.close()


def _address(host: str, port: int, networks: Sequence[Network]) -> tuple[Address, bool]:
    """The first address of a host, all of which must be allowed; whether a setting allows it."""
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    found = [plain_address(str(entry[4][0])) for entry in entries]
    for address in found:
        if not (_is_listed(address, networks) or is_public(address)):
            raise ForbiddenError(
                f"{host} is {address}, which is no public address; JISHI_WEBHOOK_NETWORKS may"
                " allow its network"
            )
    return found[0], _is_listed(found[0], networks)


def _is_listed(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


class _To(http.client.HTTPConnection):
    """Speaks to one address, by the name that it was looked up by."""

    def __init__(self, host: str, port: int, address: str, *, tls: bool) -> None:
        super().__init__(host, port, timeout=WITHIN)
        # Or a port that is not HTTP's own would stand in `Host` in one case and not the other.
        self.default_port = 443 if tls else 80
        self._address = address
        self._tls = ssl.create_default_context() if tls else None

    def connect(self) -> None:
        """See ``HTTPConnection.connect``."""
        self.sock = socket.create_connection((self._address, self.port), WITHIN)
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)
