"""Mosquitto's password file and access list, computed here: no secret on a command line.

Only values in, text out. `mosquitto.py` writes the files and has the broker read them.

User names other than gateways' contain a dot, which no gateway's id can: a gateway that
someone registers as "ingest" or "publisher" is never mistaken for ours.
"""

import base64
import hashlib
import os
import re
from collections.abc import Iterable

from models.identifier import GATEWAY_ID, is_gateway_id

HASH = re.compile(r"\$7\$[0-9]+\$[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+")
#: PBKDF2 rounds. Passwords here are random, so guessing is hopeless anyway; the broker checks
#: on its only thread, and 1,200 gateways reconnect at once after it restarts (0.4 ms each).
ITERATIONS = 1000

INGEST = "jishi.ingest"
PUBLISHER = "jishi.publisher"
PROBE = "jishi.probe"
HOST = "jishi.host"

#: What every user may do with topics of its own name. For users of ours this opens topics of
#: gateways that cannot exist, since their names have dots.
GATEWAY_RULES = (
    "pattern write instruments/v1/%u/heartbeat",
    "pattern write instruments/v1/%u/status",
    "pattern write instruments/v1/%u/native/#",
    "pattern read instruments/v1/%u/receipt",
    # A gateway that is a Sparkplug edge node bears its own id there, in whatever group.
    "pattern write spBv1.0/+/NBIRTH/%u",
    "pattern write spBv1.0/+/NDATA/%u",
    "pattern write spBv1.0/+/NDEATH/%u",
    "pattern write spBv1.0/+/DBIRTH/%u/+",
    "pattern write spBv1.0/+/DDATA/%u/+",
    "pattern write spBv1.0/+/DDEATH/%u/+",
    "pattern read spBv1.0/+/NCMD/%u",
    "pattern read spBv1.0/+/DCMD/%u/+",
    "pattern read spBv1.0/STATE/+",
)
INGEST_RULES = (
    "topic read instruments/v1/+/heartbeat",
    "topic read instruments/v1/+/status",
    "topic read instruments/v1/+/native/#",
    "topic read $SYS/#",
    "topic write instruments/v1/+/receipt",
)
HOST_RULES = (
    "topic read spBv1.0/#",
    "topic write spBv1.0/+/NCMD/+",
    "topic write spBv1.0/STATE/+",
)
PUBLISHER_RULES = (
    "topic write instruments/v1/+/heartbeat",
    "topic write instruments/v1/+/status",
    "topic write instruments/v1/+/native/#",
    "topic read instruments/v1/+/receipt",
    "topic readwrite spBv1.0/#",
)


def hashed(password: str, *, salt: bytes | None = None) -> str:
    """Mosquitto 2's `$7$` form of a password: PBKDF2 with SHA-512.

    Args:
        password: In the clear.
        salt: Random by default.
    """
    salt = os.urandom(12) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", password.encode("utf-8"), salt, ITERATIONS, 64)
    encoded = (base64.b64encode(part).decode("ascii") for part in (salt, digest))
    return f"$7${ITERATIONS}${'$'.join(encoded)}"


def check_gateway(name: str) -> None:
    """Refuse a user name that is no gateway's id.

    Raises:
        ValueError: It is not; `+`, `#` or `/` in it would widen the access list's patterns.
    """
    if not is_gateway_id(name):
        raise ValueError(f"gateway id {name!r} must match {GATEWAY_ID}: it stands in topics")


def check_hash(value: str) -> None:
    """Refuse a password's hash that would not be one line of the password file.

    Raises:
        ValueError: It is none of ours.
    """
    if not HASH.fullmatch(value):
        raise ValueError("a password's hash must be in the form $7$rounds$salt$hash")


def access_list(*, ingest_users: Iterable[str], publisher: bool, host: str | None = None) -> str:
    """The broker's acl_file. What no line allows is denied."""
    lines = [*GATEWAY_RULES]
    if host is not None:
        lines += ["", f"user {host}", *HOST_RULES]
    for user in ingest_users:
        lines += ["", f"user {user}", *INGEST_RULES]
    if publisher:
        lines += ["", f"user {PUBLISHER}", *PUBLISHER_RULES]
    return "\n".join(lines) + "\n"


def password_file(hashes: Iterable[tuple[str, str]]) -> str:
    """The broker's password_file, of users and hashed passwords."""
    return "".join(f"{user}:{value}\n" for user, value in hashes)
