"""Finds the heartbeat that only the database refuses (fault 14).

A batch that fails with an error about its data is written in halves, and those in halves, down
to single heartbeats. What fails alone while others commit is set aside as a dead letter. Where
more than one in a hundred would be, the fault is ours: nothing more is set aside.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from ingest.write.batch import Inbound, Outcome
from ingest.write.inbounds import Inbounds
from models.heartbeat import Heartbeat, Reason
from models.message import Message, Reject

#: Share of a minute's heartbeats that may be set aside.
MOST_SHARE = 0.01
#: Below this many set aside in a minute, the share says nothing.
FEW = 20

Write = Callable[[Sequence[Inbound]], Sequence[Outcome]]


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

        Args:
            heartbeats: How many were dealt with.
            set_aside: How many of them would be set aside; none may be so far.

        Raises:
            OurBugError: More than 1 % of this minute's heartbeats would be set aside.
        """
        minute = int(time.monotonic() // 60)
        if minute != self.minute:
            self.minute, self.seen, self.set_aside = minute, 0, 0
        seen, aside = self.seen + heartbeats, self.set_aside + set_aside
        if set_aside and aside > FEW and aside > MOST_SHARE * seen:
            raise OurBugError(
                f"{aside} of {seen} heartbeats of this minute are refused by the"
                " database alone; at most 1 % may be, so the fault is taken to be ours"
            )
        self.seen, self.set_aside = seen, aside
        self.total += set_aside


@dataclass(frozen=True, slots=True)
class _Refused:
    """What failed alone: a message's heartbeat, or a message without any."""

    place: int
    inbound: Inbound
    error: Exception


def write_apart(
    write: Write,
    inbounds: Sequence[Inbound],
    refuses: Callable[[Exception], bool],
    isolation: Isolation,
) -> list[Outcome]:
    """Writes a batch in ever smaller parts; sets aside what fails alone, all at the end.

    Nothing is set aside before it is known how much there is: a bug of ours must not send
    heartbeats to the dead letters by and by.

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
    outcomes = [Outcome() for _ in inbounds]
    refused: list[_Refused] = []
    _halve(write, list(enumerate(inbounds)), refuses, outcomes, refused)
    isolation.note(count_taken(Inbounds.of(inbounds)), len(refused))
    for one in refused:
        _add(outcomes[one.place], write([_aside(one.inbound, one.error)])[0])
    return outcomes


def count_taken(inbounds: Inbounds) -> int:
    """How many heartbeats messages carry that could be read; at least 1 each."""
    rest = np.flatnonzero(~inbounds.in_columns).tolist()
    beats = (inbounds.end - inbounds.first)[inbounds.in_columns]
    return int(beats.sum()) + sum(_size_of(inbounds.made[place]) for place in rest)


def _size_of(inbound: Inbound) -> int:
    return max(len(inbound.message.heartbeats), 1) if inbound.message else 1


def _halve(
    write: Write,
    placed: Sequence[tuple[int, Inbound]],
    refuses: Callable[[Exception], bool],
    outcomes: list[Outcome],
    refused: list[_Refused],
) -> None:
    try:
        written = write([inbound for _, inbound in placed])
    except Exception as error:
        if not refuses(error):
            raise
        parts = _parts(placed)
        if parts is None:
            place, inbound = placed[0]
            refused.append(_Refused(place, inbound, error))
            return
        for part in parts:
            _halve(write, part, refuses, outcomes, refused)
        return
    for (place, _), outcome in zip(placed, written, strict=True):
        _add(outcomes[place], outcome)


def _parts(placed: Sequence[tuple[int, Inbound]]) -> list[list[tuple[int, Inbound]]] | None:
    """The halves of a batch, or of its only message; ``None`` where it is a single heartbeat."""
    if len(placed) > 1:
        half = len(placed) // 2
        return [list(placed[:half]), list(placed[half:])]
    place, inbound = placed[0]
    message = inbound.message
    if message is None or len(message.heartbeats) + len(message.rejects) < 2:
        return None
    if not message.heartbeats:
        half = len(message.rejects) // 2
        return [
            [(place, _part(inbound, message, [], message.rejects[:half]))],
            [(place, _part(inbound, message, [], message.rejects[half:]))],
        ]
    half = len(message.heartbeats) // 2
    return [
        [(place, _part(inbound, message, message.heartbeats[:half], message.rejects))],
        [(place, _part(inbound, message, message.heartbeats[half:], []))],
    ]


def _aside(inbound: Inbound, error: Exception) -> Inbound:
    """A message that says nothing but why this one heartbeat, or message, was refused."""
    message = inbound.message
    detail = f"the database refuses it: {error}"
    if message is None:
        aside = Reject(index=None, reason=Reason.MALFORMED, detail=detail, payload=inbound.payload)
        return msgspec.structs.replace(inbound, status=None, refused=aside)
    if message.heartbeats:
        index, heartbeat = message.heartbeats[0]
        aside = Reject(
            index=index,
            reason=Reason.MALFORMED,
            detail=detail,
            payload=inbound.raw(index),
            instrument_id=heartbeat.instrument_id,
            ts_us=heartbeat.ts_us,
        )
    else:
        # The record of a reject failed: it is kept with as little as possible.
        reject = message.rejects[0] if message.rejects else None
        aside = Reject(
            index=reject.index if reject else None,
            reason=Reason.MALFORMED,
            detail=detail,
            payload=reject.payload if reject else inbound.payload,
        )
    return _part(inbound, message, [], [aside])


def _add(total: Outcome, outcome: Outcome) -> None:
    total.stored += outcome.stored
    total.duplicates += outcome.duplicates
    total.rejected += outcome.rejected
    total.errors.extend(outcome.errors)


def _part(
    inbound: Inbound,
    message: Message,
    heartbeats: list[tuple[int, Heartbeat]],
    rejects: list[Reject],
) -> Inbound:
    return msgspec.structs.replace(
        inbound,
        message=msgspec.structs.replace(message, heartbeats=heartbeats, rejects=rejects),
    )
