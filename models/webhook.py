"""Webhooks by the conventions of Standard Webhooks: secrets, signatures, when to try again.

Source: the Standard Webhooks specification (standardwebhooks.com), symmetric signatures "v1".
"""

import base64
import binascii
import hmac
import secrets
from datetime import datetime, time, timedelta
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64  # bytes of a secret
#: Seconds from one try to the next; after the last one a delivery is given up.
PAUSES = (5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400)


def new_secret() -> str:
    """A secret that nobody knows yet."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """The bytes of a secret ``whsec_…``.

    Raises:
        ValueError: It is none.
    """
    rule = f"a secret is {PREFIX} and base64 of {SHORTEST} to {LONGEST} bytes"
    if not secret.startswith(PREFIX):
        raise ValueError(rule)
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(rule) from None
    if not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(rule)
    return key


def signed(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a message.

    Args:
        secret: ``whsec_…``.
        message_id: The same each time that a message is tried.
        timestamp: Seconds since 1970, of this try.
        body: As it is sent.
    """
    content = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(key_of(secret), content, sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def pause_after(tries: int) -> int | None:
    """Seconds to wait after so many tries that failed, at least 1; ``None``: give up."""
    return PAUSES[tries - 1] if tries <= len(PAUSES) else None


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Reads networks by comma.

    Raises:
        ValueError: One is none.
    """
    return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())


def _are_networks(text: str) -> str:
    networks(text)
    return text


#: Networks by comma as a setting has them.
Networks = Annotated[str, AfterValidator(_are_networks)]


def parse_quiet(text: str) -> tuple[time, time] | None:
    """Reads quiet hours, ``22:00-07:00``; ``None`` where there are none.

    Raises:
        ValueError: It is not like that.
    """
    if not text:
        return None
    try:
        begin, _, end = text.partition("-")
        found = time.fromisoformat(begin.strip()), time.fromisoformat(end.strip())
    except ValueError:
        raise ValueError(f"{text!r} is not like 22:00-07:00") from None
    if found[0] == found[1] or found[0].tzinfo or found[1].tzinfo:
        raise ValueError(f"{text!r} is not like 22:00-07:00")
    return found


def quiet_until(now: datetime, quiet: tuple[time, time] | None, zone: ZoneInfo) -> datetime | None:
    """When the quiet hours end that ``now`` lies in; ``None``: it lies in none.

    Args:
        now: Aware.
        quiet: Local times from ``parse_quiet``, half-open; over midnight where they end earlier.
        zone: Whose local time.
    """
    if quiet is None:
        return None
    begin, end = quiet
    local = now.astimezone(zone)
    for day in (local.date() - timedelta(days=1), local.date()):
        start = datetime.combine(day, begin, zone)
        stop = datetime.combine(day + timedelta(days=end < begin), end, zone)
        # By instants: hours of the same zone would compare by the clock on the wall.
        if start.timestamp() <= now.timestamp() < stop.timestamp():
            return stop
    return None
