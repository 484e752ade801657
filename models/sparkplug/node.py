"""What a host application knows of one edge node, and how each message and each wait changes it.

Everything a node says between two births bears a number, ``seq``, that grows by one and wraps from
255 to 0. What comes in order is taken. What comes beyond a gap is held; when the gap has not healed
within the reorder timeout, the node is asked for its births, once, and what is held is taken as it
stands: our figures do not depend on order, but what was said before the gap is not carried over
it. What comes again, or after its place was given up, changes nothing.

A node that was not heard to be born is all gap: its aliases mean nothing yet. Functions here take a
node as it is and give it as it is then, with what happened. Times ``at_us`` are microseconds of any
clock that does not go back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from models.sparkplug.events import (
    AskRebirth,
    DeviceBorn,
    DeviceDied,
    Event,
    NodeBorn,
    NodeDied,
    Refused,
)
from models.sparkplug.payload import BD_SEQ, Payload
from models.sparkplug.table import Table, declared, read
from models.sparkplug.topic import Verb

SEQS: Final = 256
#: An ask is repeated no sooner than this where a node goes on saying what nobody can make sense of
#: (µs): a node that cannot be reborn is not asked at every message.
ASK_AGAIN_US: Final = 60_000_000
#: Messages held of a node that was not heard to be born; the newest stay.
HELD_MOST: Final = SEQS


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message of a node."""

    verb: Verb
    device: str | None
    payload: Payload
    #: When it came.
    at_us: int

    @property
    def seq(self) -> int:
        """Its number; ``hear`` lets none in without one, but deaths."""
        assert self.payload.seq is not None
        return self.payload.seq

    @property
    def ts_ms(self) -> int:
        """When it was sent; ``hear`` lets none in without it, but deaths."""
        assert self.payload.ts_ms is not None
        return self.payload.ts_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeNode:
    """One node, as far as this host has heard it."""

    #: Of the birth in force; ``None``: it was not heard to be born, or died.
    bd_seq: int | None = None
    born_ms: int = 0
    #: The number that its next message has to bear.
    next_seq: int = 0
    #: When the newest message was sent that was taken.
    taken_ms: int = 0
    #: What it and its devices declared; ``None`` is the node itself.
    tables: Mapping[str | None, Table] = field(default_factory=dict)
    #: Messages beyond a gap, in the order in which they came.
    held: tuple[Said, ...] = ()
    #: Since when this host listens for a birth that it was not there to hear.
    listening_us: int | None = None
    #: When it was asked for its births, if it has not said them since.
    asked_us: int | None = None
    #: When it was last asked because it spoke of something that no birth declared.
    puzzled_us: int | None = None
    #: The connection that ended last.
    dead_bd_seq: int | None = None


Heard: TypeAlias = tuple[EdgeNode, list[Event]]


def listen(at_us: int) -> EdgeNode:
    """A node of which this host knows nothing, from the moment on that it listens."""
    return EdgeNode(listening_us=at_us)


def hear(node: EdgeNode, said: Said) -> Heard:
    """Takes a message.

    Source: tck-id-payloads-sequence-num-incrementing,
    tck-id-operational-behavior-host-reordering-start, -success.
    """
    if said.verb is Verb.NDEATH:
        return _dead(node, said)
    if said.payload.seq is None or said.payload.seq >= SEQS:
        return node, [Refused(detail=f"{said.verb} has seq {said.payload.seq}, not 0 to 255")]
    if said.payload.ts_ms is None:
        return node, [Refused(detail=f"{said.verb} has no timestamp")]
    if said.verb is Verb.NBIRTH:
        return _born(node, said)
    if node.bd_seq is None:
        return replace(node, held=(*node.held, said)[-HELD_MOST:]), []
    if said.seq == node.next_seq:
        return _in_order(node, [said])
    if _is_over(node, said):
        return node, []
    return replace(node, held=(*node.held, said)), []


def due_us(node: EdgeNode, timeout_us: int) -> int | None:
    """When ``wait`` has something to do; ``None``: not before the next message."""
    since = [said.at_us for said in node.held]
    if node.listening_us is not None:
        since.append(node.listening_us)
    return min(since) + timeout_us if since else None


def wait(node: EdgeNode, now_us: int, timeout_us: int) -> Heard:
    """Gives up what has not come within the reorder timeout.

    Source: tck-id-operational-behavior-host-reordering-rebirth.
    """
    due = due_us(node, timeout_us)
    if due is None or now_us < due:
        return node, []
    if node.bd_seq is not None:
        node, events = _release(node)
        if node.asked_us is not None:
            return node, events
        return replace(node, asked_us=now_us), [*events, AskRebirth(why="messages are missing")]
    recent = tuple(said for said in node.held if said.at_us + timeout_us > now_us)
    node = replace(node, held=recent, listening_us=None)
    if node.asked_us is not None and now_us < node.asked_us + ASK_AGAIN_US:
        return node, []
    return replace(node, asked_us=now_us), [AskRebirth(why="it was not heard to be born")]


def _born(node: EdgeNode, said: Said) -> Heard:
    """Source: tck-id-payloads-nbirth-bdseq, tck-id-topics-nbirth-bdseq-matching."""
    bd_seq = said.payload.number(BD_SEQ)
    if bd_seq is None:
        return node, [Refused(detail=f"NBIRTH has no integer metric {BD_SEQ}")]
    if node.bd_seq == bd_seq and node.born_ms == said.ts_ms:
        return node, []  # the same once more
    table, readings, _ = read(declared(None, said.payload), said.payload)
    born = EdgeNode(
        bd_seq=bd_seq,
        born_ms=said.ts_ms,
        next_seq=(said.seq + 1) % SEQS,
        taken_ms=said.ts_ms,
        tables={None: table},
        # What was sent after it and came before it; the rest is of another birth.
        held=tuple(one for one in node.held if one.ts_ms >= said.ts_ms),
        puzzled_us=node.puzzled_us,
    )
    born, events = _in_order(born, [])
    return born, [NodeBorn(bd_seq=bd_seq, ts_ms=said.ts_ms), *readings, *events]


def _dead(node: EdgeNode, said: Said) -> Heard:
    """A death counts for its own birth alone: a will may come when the next one is there.

    Source: tck-id-payloads-ndeath-bdseq,
    tck-id-operational-behavior-edge-node-termination-host-action-ndeath-devices-offline.
    """
    bd_seq = said.payload.number(BD_SEQ)
    if bd_seq is None:
        return node, [Refused(detail=f"NDEATH has no integer metric {BD_SEQ}")]
    # Where no birth was heard, whoever wrote births down knows which one this ends.
    if node.bd_seq not in (None, bd_seq) or (node.bd_seq is None and node.dead_bd_seq == bd_seq):
        return node, []
    events: list[Event] = []
    if node.bd_seq is not None:
        node, events = _release(node)
    dead = EdgeNode(dead_bd_seq=bd_seq, puzzled_us=node.puzzled_us)
    devices = tuple(device for device in node.tables if device is not None)
    return dead, [*events, NodeDied(bd_seq=bd_seq, devices=devices)]


def _is_over(node: EdgeNode, said: Said) -> bool:
    """Whether a message comes again, or after its place was given up.

    Numbers wrap: one that lies less than half the circle ahead is to come. One behind may be
    ahead all the same, after a gap of more than half the circle; then it was sent later than
    what was taken.
    """
    if any(one.seq == said.seq for one in node.held):
        return True
    ahead = (said.seq - node.next_seq) % SEQS
    return ahead >= SEQS // 2 and said.ts_ms <= node.taken_ms


def _in_order(node: EdgeNode, first: list[Said]) -> Heard:
    """Takes messages whose turn it is, and those held that follow without a gap."""
    events: list[Event] = []
    following = {said.seq: said for said in node.held}
    turn = first[0] if first else following.pop(node.next_seq, None)
    while turn is not None:
        node, more = _take(node, turn)
        events += more
        turn = following.pop(node.next_seq, None)
    return replace(node, held=tuple(one for one in node.held if one.seq in following)), events


def _release(node: EdgeNode) -> Heard:
    """Takes all that is held, gaps or not."""
    waiting = sorted(node.held, key=lambda said: (said.seq - node.next_seq) % SEQS)
    if waiting:
        forgotten = {device: table.forget() for device, table in node.tables.items()}
        node = replace(node, tables=forgotten, held=())
    events: list[Event] = []
    for said in waiting:
        if said.ts_ms < node.born_ms:
            continue  # of an older birth, or by a clock that was set back: its aliases may differ
        node, more = _take(node, said)
        events += more
    return node, events


def _take(node: EdgeNode, said: Said) -> Heard:
    node = replace(node, next_seq=(said.seq + 1) % SEQS, taken_ms=max(node.taken_ms, said.ts_ms))
    events: list[Event] = []
    device = said.device
    if said.verb is Verb.DDEATH:
        assert device is not None
        others = {name: table for name, table in node.tables.items() if name != device}
        return replace(node, tables=others), [DeviceDied(device=device, ts_ms=said.ts_ms)]
    if said.verb is Verb.DBIRTH:
        assert device is not None
        table: Table | None = declared(device, said.payload)
        events.append(DeviceBorn(device=device, ts_ms=said.ts_ms))
    else:
        table = node.tables.get(device)
    if table is None:
        return _puzzled(node, said, f"device {device!r} was not heard to be born")
    table, readings, strange = read(table, said.payload)
    events += readings
    node = replace(node, tables={**node.tables, device: table})
    if strange:
        node, more = _puzzled(node, said, "it used an alias that no birth declared")
        events += more
    return node, events


def _puzzled(node: EdgeNode, said: Said, why: str) -> Heard:
    if node.asked_us is not None:
        return node, []
    if node.puzzled_us is not None and said.at_us < node.puzzled_us + ASK_AGAIN_US:
        return node, []
    return replace(node, asked_us=said.at_us, puzzled_us=said.at_us), [AskRebirth(why=why)]
