"""Finds the heartbeat that only the database refuses (fault 14).

A batch that fails with an error about its data is written in halves, and those in halves, down
to single heartbeats. What fails alone while others commit is set aside as a dead letter. Where
more than one in a hundred would be, the fault is ours: nothing more is set aside.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from ingest.batch import Inbound, Outcome
from models.heartbeat import Heartbeat, Reason
from models.message import Message, Reject

#: Share of a minute's heartbeats that may be set aside.
MOST_SHARE = 0.01
#: Below this many set aside in a minute, the share says nothing.
FEW = 20

Write = Callable[[Sequence[Inbound]], list[Outcome]]


class OurBugError(Exception):
    """Too much would be set aside: acknowledging must stop until somebody has looked."""


@dataclass(slots=True)
class Isolation:
    """Counts what is set aside by the minute."""

    minute: int = 0
    seen: int = 0
    set_aside: int = 0
    total: int = field(default=0)

    def note(self, heartbeats: int, set_aside: int) -> None:
        """Counts, and raises when the share is no longer one of bad luck.

        Raises:
            OurBugError: More than 1 % of this minute's heartbeats would be set aside.
        """
        minute = int(time.monotonic() // 60)
        if minute != self.minute:
            self.minute, self.seen, self.set_aside = minute, 0, 0
        self.seen += heartbeats
        self.set_aside += set_aside
        if self.set_aside > FEW and self.set_aside > MOST_SHARE * self.seen:
            raise OurBugError(
                f"{self.set_aside} of {self.seen} heartbeats of this minute are refused by the"
                " database alone; at most 1 % may be, so the fault is taken to be ours"
            )
        self.total += set_aside


def write_apart(
    write: Write,
    inbounds: Sequence[Inbound],
    refuses: Callable[[Exception], bool],
    isolation: Isolation,
) -> list[Outcome]:
    """Writes a batch in ever smaller parts.

    Args:
        write: Writes a part in a transaction of its own, or raises.
        inbounds: The batch.
        refuses: Whether an error speaks of the data; others pass through.
        isolation: The running count.

    Returns:
        One outcome a message, as if they had been written together.

    Raises:
        OurBugError: See ``Isolation.note``.
        Exception: What ``refuses`` does not claim.
    """
    try:
        outcomes = write(inbounds)
    except Exception as error:
        if not refuses(error):
            raise
        if len(inbounds) > 1:
            half = len(inbounds) // 2
            return [
                *write_apart(write, inbounds[:half], refuses, isolation),
                *write_apart(write, inbounds[half:], refuses, isolation),
            ]
        return [_write_one(write, inbounds[0], error, refuses, isolation)]
    isolation.note(sum(_size(inbound) for inbound in inbounds), 0)
    return outcomes


def _size(inbound: Inbound) -> int:
    return len(inbound.message.heartbeats) if inbound.message else 1


def _write_one(
    write: Write,
    inbound: Inbound,
    error: Exception,
    refuses: Callable[[Exception], bool],
    isolation: Isolation,
) -> Outcome:
    message = inbound.message
    if message is None or not message.heartbeats:
        # A status, or rejects alone: the record of it must not fail for its text.
        isolation.note(1, 1)
        return Outcome(errors=[(None, Reason.MALFORMED)], rejected=1)
    if len(message.heartbeats) == 1:
        isolation.note(1, 1)
        index, heartbeat = message.heartbeats[0]
        aside = Reject(
            index=index,
            reason=Reason.MALFORMED,
            detail=f"the database refuses it: {error}",
            payload=inbound.raw(index),
            instrument_id=heartbeat.instrument_id,
            ts_us=heartbeat.ts_us,
        )
        return write([_part(inbound, message, [], [*message.rejects, aside])])[0]
    half = len(message.heartbeats) // 2
    total = Outcome()
    for part in (
        _part(inbound, message, message.heartbeats[:half], message.rejects),
        _part(inbound, message, message.heartbeats[half:], []),
    ):
        outcome = write_apart(write, [part], refuses, isolation)[0]
        total.stored += outcome.stored
        total.duplicates += outcome.duplicates
        total.rejected += outcome.rejected
        total.errors.extend(outcome.errors)
    return total


def _part(
    inbound: Inbound,
    message: Message,
    heartbeats: list[tuple[int, Heartbeat]],
    rejects: list[Reject],
) -> Inbound:
    return replace(
        inbound,
        message=msgspec.structs.replace(message, heartbeats=heartbeats, rejects=rejects),
    )
