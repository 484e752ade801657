"""Which gateways one of several workers listens for, kept in step with the registry.

Worker i of n takes those that ``models/share.py`` gives it. Nothing is coordinated but by what
every worker writes down anyway: for whom it listens now (``listening.py``). A gateway is given
up only when another worker says that it listens for it: so both get its messages for some
seconds, which is harmless, and at no time does nobody. What the session still holds of it is
delivered and acknowledged as ever.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import psycopg
import structlog

from ingest.mqtt.reader import Reader
from ingest.sql import statements
from models.share import share_of

log = structlog.get_logger(__name__)

#: What a gateway, and the devices behind it, say; each a filter of its own.
KINDS = ("heartbeat", "status", "native/#")
SQL = statements("share")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The part of worker ``number`` (from 1) of ``workers``; beyond them it has none."""

    number: int
    workers: int

    @classmethod
    def parse(cls, text: str) -> "Share":
        """Reads ``2/3``.

        Raises:
            ValueError: It is not like that.
        """
        found = re.fullmatch(r"([1-9]\d{0,3})/([1-9]\d{0,3})", text.strip())
        if found is None:
            raise ValueError(f"{text!r} is not like 2/3, the second of three workers")
        return cls(number=int(found[1]), workers=int(found[2]))

    def has(self, gateway_id: str) -> bool:
        """Whether a gateway belongs to this worker."""
        return share_of(gateway_id, self.workers) == self.number - 1


def filters(gateways: Iterable[str], prefix: str = "") -> list[str]:
    """The topic filters of gateways; ``+`` stands for all."""
    return [f"{prefix}instruments/v1/{name}/{kind}" for name in gateways for kind in KINDS]


class ShareKeeper:
    """Tells a reader whom to listen for, whenever that changes."""

    def __init__(self, share: Share, worker: str, reader: Reader, window: int) -> None:
        """Prepares; ``look`` works.

        Args:
            share: Ours.
            worker: Our name in the collector's record.
            reader: Ours; it was given no filters of its own.
            window: Most messages that it may have in flight.
        """
        self._share = share
        self._worker = worker
        self._reader = reader
        self._window = window
        self._calm = 0
        self._revision = -1
        self._mine: list[str] = []
        #: Others', until somebody else listens for each: our session may have them from when
        #: they were ours, or from when we listened for all.
        self._leaving: set[str] = set()
        self._left: set[str] = set()

    def look(self, connection: psycopg.Connection) -> None:
        """Brings the reader in step with the registry and with the other workers.

        Args:
            connection: In autocommit.
        """
        changed = self._read_registry(connection)
        ready = self._covered(connection)
        self._leaving -= ready
        self._left |= ready
        if changed or ready:
            given_up = filters(sorted(self._left))
            if not self._leaving:
                given_up += filters(["+"])
            self._reader.subscribe(filters(self._mine), given_up)

    def listening_for(self) -> list[str]:
        """The gateways whose filters the broker has granted, all of them."""
        granted = self._reader.granted
        return [g for g in self._mine if granted.issuperset(filters([g]))]

    def _read_registry(self, connection: psycopg.Connection) -> bool:
        row = connection.execute(SQL["revision"]).fetchone()
        if row is None or row[0] == self._revision:
            return False
        gateways = [name for (name,) in connection.execute(SQL["gateways"])]
        self._revision = row[0]
        mine = [name for name in gateways if self._share.has(name)]
        self._leaving = set(gateways) - set(mine) - self._left
        if mine == self._mine:
            return not gateways
        self._mine = mine
        log.info(
            "listens for its share",
            action="share",
            gateways=len(mine),
            of=len(gateways),
            share=f"{self._share.number}/{self._share.workers}",
        )
        return True

    def _covered(self, connection: psycopg.Connection) -> set[str]:
        """Those to be left for whom somebody else listens by now.

        A broker may throw away what it has queued for a filter that is given up; what is in
        flight it has to deliver. So it waits until nothing can be queued: until the window was
        far from full twice.
        """
        if not self._leaving:
            return set()
        calm = self._reader.connected and self._reader.in_flight < self._window // 2
        self._calm = self._calm + 1 if calm else 0
        if self._calm < 2:
            return set()
        others = {name for (name,) in connection.execute(SQL["others"], [self._worker])}
        return set(self._leaving) if None in others else self._leaving & others
