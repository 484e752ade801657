"""Parts that a machine may lack: a test that needs one is skipped, and the run ends by saying so.

A green run that silently left the browser out would promise what nobody tried. So each part has a
name and says what brings it; `conftest.py` names the missing ones in the run's last lines.
"""

import re
from collections import Counter
from collections.abc import Iterable
from enum import Enum
from typing import NoReturn

import pytest

_MARK = "lacking "
_MARKED = re.compile(f"{_MARK}([A-Z_]+)")


class Part(Enum):
    """What a test may need beside Python and the local stack; the value says what brings it."""

    CHROMIUM = "apt-get install chromium, or a Debian mirror from which it can be fetched"
    COMMUNITY_EDITION = "JISHI_POSTGRES_BIN: PostgreSQL with TimescaleDB 2.29.2+ Community"
    FAKETIME = "apt-get install faketime"
    ROOT = "run the tests as root, where file systems may be mounted"
    OPENSSL = "apt-get install openssl"
    MOSQUITTO_CLIENTS = "apt-get install mosquitto-clients"
    PROMETHEUS = "apt-get install prometheus, or a Debian mirror from which it can be fetched"
    TIMESCALEDB_OF_THE_RELEASE = "the version of TimescaleDB that a kept release was dumped from"
    COMPOSE = "a Debian mirror from which docker-compose 2 can be fetched"
    KUSTOMIZE = "apt-get install kustomize, or a kubectl on PATH"
    SYSTEMD = "apt-get install systemd: its systemd-analyze, nothing need run under it"
    NGINX = "apt-get install nginx, or a Debian mirror from which it can be fetched"


def lacking(part: Part, detail: str = "") -> NoReturn:
    """Skips the test that asks: this machine has no such part.

    Args:
        part: What is missing.
        detail: How that was seen, if it was tried.
    """
    pytest.skip(f"{_MARK}{part.name}{f' ({detail})' if detail else ''}")


def summary(reasons: Iterable[str]) -> list[str]:
    """One line a missing part: how many tests it cost, and what brings it.

    Args:
        reasons: Why each skipped test was skipped, as pytest tells it.
    """
    found = (_MARKED.search(reason) for reason in reasons)
    count = Counter(match[1] for match in found if match)
    return [
        f"{number} not run for want of {name.lower().replace('_', ' ')}: {Part[name].value}"
        for name, number in sorted(count.items())
    ]
