"""What ``jishi federation publish`` does, look by look: signs what closed windows come to, and the
counts of now."""

import gzip
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from typing import Any

import psycopg
import structlog

from models.rollup import Cell, Rollup, Row, Span
from reports.signing import Signer
from store.federation.published import (
    Closed,
    Look,
    Probes,
    Signed,
    closed_windows,
    load_counts,
    load_first_heard,
    load_probes,
    next_revision,
    publish,
)
from store.figures.coverage import Registers
from store.figures.surroundings import Moment, load_moment
from store.present.roster import Rosters
from store.run import run

log = structlog.get_logger(__name__)

Connection = psycopg.Connection[Any]


@dataclass(slots=True, kw_only=True)
class Publisher:
    """Signs a city's figures, one transaction a window."""

    city: str
    signer: Signer
    calendar: str
    sufficient_coverage: float
    stop: threading.Event = field(default_factory=threading.Event)
    _rosters: Rosters = field(default_factory=Rosters)
    _registers: Registers = field(default_factory=Registers)
    #: Since when everything closed was looked at, by the database's clock.
    _complete_us: int | None = None

    def publish_all(self, connection: Connection) -> int:
        """Looks at every closed window, and publishes those that are not what was signed.

        Args:
            connection: Of REPEATABLE READ transactions.

        Returns:
            How many were published.
        """
        with connection.transaction():
            moment = run(connection, load_moment(self.calendar))
            first_us = run(connection, load_first_heard())
            probes = run(connection, load_probes())
        published = 0
        parts: dict[tuple[Span, int], bytes] = {}
        for closed in () if first_us is None else closed_windows(first_us, moment):
            if self.stop.is_set():
                return published
            found = self._look(connection, closed, probes, parts)
            published += found
        self._complete_us = moment.now_us
        self.publish_counts(connection)
        return published

    def _look(
        self,
        connection: Connection,
        closed: Closed,
        probes: Probes,
        parts: dict[tuple[Span, int], bytes],
    ) -> bool:
        """Whether a window had to be published.

        Args:
            connection: As above.
            closed: The window.
            probes: What is published.
            parts: By what they are part of, the probes of days and months looked at before.
        """
        with connection.transaction():
            moment = run(connection, load_moment(self.calendar))
            look = Look(
                closed=closed,
                moment=moment,
                rosters=self._rosters,
                sufficient_coverage=self.sufficient_coverage,
            )
            # A window's parts may change where its sums do not: then the days' own do.
            inner = parts.get((closed.span, closed.window.start_us), b"").hex()
            probe = run(connection, look.probe(f"{self._signs()} {moment.rollup_zone} {inner}"))
            if probe is None:
                return False
            if closed.span in _AROUND:
                around = (_AROUND[closed.span], closed.part_of)
                parts[around] = blake2b(parts.get(around, b"") + probe, digest_size=16).digest()
            if probes.get((closed.span, closed.window.start_us)) == probe:
                return False
            found = run(connection, look.figures())
            self._sign(
                connection,
                span=closed.span,
                moment=moment,
                probe=probe,
                window=(closed.window.start_us, closed.window.end_us),
                parts=[part.end_us for part in found.parts],
                cells=found.cells,
            )
        return True

    def publish_counts(self, connection: Connection) -> None:
        """Publishes the counts of now; nothing, until everything closed was looked at once."""
        if self._complete_us is None:
            return
        with connection.transaction():
            moment = run(connection, load_moment(self.calendar))
            cells = run(connection, load_counts(moment, self._rosters, self._registers))
            self._sign(
                connection,
                span=Span.NOW,
                moment=moment,
                probe=b"",
                window=(moment.now_us, moment.now_us),
                parts=(),
                cells=cells,
            )

    def _signs(self) -> str:
        return f"{self.city} {self.signer.public.key_id} {self.sufficient_coverage}"

    def _sign(
        self,
        connection: Connection,
        *,
        span: Span,
        moment: Moment,
        probe: bytes,
        window: tuple[int, int],
        parts: Sequence[int],
        cells: Mapping[Cell, Sequence[Row]],
    ) -> None:
        rollup = Rollup(
            city=self.city,
            span=span,
            start_us=window[0],
            end_us=window[1],
            tz=moment.rollup_zone,
            revision=run(connection, next_revision(moment.now_us)),
            as_of_us=moment.now_us,
            complete_us=self._complete_us if span is Span.NOW else None,
            sufficient_coverage=str(self.sufficient_coverage),
            key_id=self.signer.public.key_id,
            parts=tuple(parts),
            cells=cells,
        )
        data = rollup.encode()
        signed = Signed(
            span=span,
            start_us=rollup.start_us,
            end_us=rollup.end_us,
            revision=rollup.revision,
            probe=probe,
            sha256=sha256(data).digest(),
            signature=self.signer.sign(data),
            size=len(data),
            document=gzip.compress(data, mtime=0),
            timezone=rollup.tz,
        )
        run(connection, publish(signed))
        if span is not Span.NOW:
            log.info(
                "a rollup was published",
                action="federation_publish",
                span=span.value,
                start_us=rollup.start_us,
                revision=rollup.revision,
            )


#: What windows of a span make up.
_AROUND = {Span.DAY: Span.MONTH, Span.MONTH: Span.YEAR}
