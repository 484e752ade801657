"""What is wrong with this worker now, since when, and what to do about it.

Looked at about once a second. A trouble that lasts is one line in the log when it is seen to
last, one more at growing intervals, and one when it is over, with its duration; what was over at
once is none. The same list answers `/readyz` (``page.py``) and `jishi doctor`.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

import structlog

log = structlog.get_logger(__name__)

#: Seconds from the first line to the second, doubled from one to the next up to the last.
AGAIN_FIRST, AGAIN_MOST = 60.0, 3600.0


class Kind(Enum):
    """Kinds of trouble; the word is also in the name of the worker's database connection."""

    BROKER = "broker"
    DELIVERY = "delivery"
    DATABASE = "database"
    CLOCK = "clock"
    REFUSED = "refused"

    @property
    def what(self) -> str:
        """In some words."""
        return _TEXTS[self].what

    @property
    def to_do(self) -> str:
        """What to do next."""
        return _TEXTS[self].to_do


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    what: str
    to_do: str
    #: Seconds that it may last without a line: reconnecting is no trouble.
    borne: float


_TEXTS = {
    Kind.BROKER: _Text(
        what="no connection to the broker",
        to_do="look at what it answered; bring the broker back, or mend JISHI_MQTT_URL: gateways"
        " keep what they have and ingest goes on trying",
        borne=3.0,
    ),
    Kind.DELIVERY: _Text(
        what="the broker does not deliver",
        to_do="give the account what it lacks in the broker's access list and have the broker read"
        " it; what gateways publish meanwhile does not reach this worker",
        borne=3.0,
    ),
    Kind.DATABASE: _Text(
        what="nothing can be written",
        to_do="bring the database back, or have JISHI_DATABASE_URL name the one that takes writes:"
        " nothing is acknowledged meanwhile and ingest goes on trying",
        borne=3.0,
    ),
    Kind.CLOCK: _Text(
        what="intake halts: our own clock is in doubt",
        to_do="compare `date` on this host and on the database's with the truth; intake goes on by"
        " itself once they agree",
        borne=0.0,
    ),
    Kind.REFUSED: _Text(
        what="intake halts: the database refuses more than single heartbeats",
        to_do="look at the error and at what was changed last; `jishi doctor` looks at the schema",
        borne=0.0,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One that lasts."""

    kind: Kind
    since: datetime
    why: str

    def told(self) -> dict[str, str]:
        """As `/readyz` tells it."""
        return {
            "kind": self.kind.value,
            "what": self.kind.what,
            "why": self.why,
            "since": self.since.isoformat(timespec="seconds"),
            "to_do": self.kind.to_do,
        }


@dataclass(slots=True)
class _Lasting:
    trouble: Trouble
    began: float
    again: float
    pause: float = AGAIN_FIRST
    told: bool = False


class Troubles:
    """The list; `look` keeps it."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._lasting: dict[Kind, _Lasting] = {}
        self._lock = threading.Lock()

    def look(self, now: Mapping[Kind, str], at: float | None = None) -> None:
        """Takes what is wrong now.

        Args:
            now: Why, by kind; what is not there, or empty, is all right.
            at: Monotonic seconds.
        """
        at = time.monotonic() if at is None else at
        with self._lock:
            for kind in Kind:
                why = now.get(kind, "")
                if why:
                    self._go_on(kind, why, at)
                elif kind in self._lasting:
                    self._end(self._lasting.pop(kind), at)

    def now(self) -> list[Trouble]:
        """What lasts, the gravest first."""
        with self._lock:
            return [self._lasting[kind].trouble for kind in Kind if kind in self._lasting]

    def _go_on(self, kind: Kind, why: str, at: float) -> None:
        lasting = self._lasting.get(kind)
        if lasting is None:
            trouble = Trouble(kind=kind, since=datetime.now(UTC), why=why)
            lasting = _Lasting(trouble, at, at + _TEXTS[kind].borne)
            self._lasting[kind] = lasting
        elif lasting.trouble.why != why:
            lasting.trouble = Trouble(kind=kind, since=lasting.trouble.since, why=why)
        if at >= lasting.again:
            lasting.told = True
            lasting.again = at + lasting.pause
            lasting.pause = min(2 * lasting.pause, AGAIN_MOST)
            trouble = lasting.trouble
            log.error(
                trouble.kind.what,
                action="trouble",
                worker=self._worker,
                lasts_s=round(at - lasting.began),
                **{name: text for name, text in trouble.told().items() if name != "what"},
            )

    def _end(self, lasting: _Lasting, at: float) -> None:
        if lasting.told:
            log.warning(
                f"over: {lasting.trouble.kind.what}",
                action="trouble_over",
                worker=self._worker,
                kind=lasting.trouble.kind.value,
                since=lasting.trouble.since.isoformat(timespec="seconds"),
                lasted_s=round(at - lasting.began),
            )
