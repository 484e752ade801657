"""Which of several heartbeats of one instrument and time stands (rule 3).

Equal ones are duplicates; of others the lesser by ``models/heartbeat.py: precedence`` stands, and
the other is a conflict: recorded by a dead letter that is the same whichever came first.
"""

import psycopg

from ingest.sql import statements
from ingest.write import stored_rows
from ingest.write.admission import Verdict, refuse_too_old
from ingest.write.batch import Arrival
from ingest.write.changes import Changes
from ingest.write.dead_letter import DeadLetter, conflict_digest
from ingest.write.registry_cache import Registry
from ingest.write.stored_rows import Stored
from models.heartbeat import LIVE, Heartbeat, Reason, canonical_encoding, precedence
from models.timestamp import format_ts

SQL = statements("dead_letter")


def settle(a: Arrival, b: Arrival, changes: Changes) -> Arrival:
    """Which of two arrivals of one time stands; the other is a duplicate or a conflict."""
    if a.heartbeat == b.heartbeat:
        b.outcome.duplicates += 1
        a.live = a.live or b.live
        return a
    if precedence(b.heartbeat) < precedence(a.heartbeat):
        a, b = b, a
    _lose(b, changes)
    # It spoke, whichever of the two it meant; so it is taken when they come apart, too.
    a.live = a.live or b.live
    return a


def settle_all(arrivals: list[Arrival], changes: Changes) -> Arrival:
    """The same of one or more arrivals of one time."""
    best = arrivals[0]
    for arrival in arrivals[1:]:
        best = settle(best, arrival, changes)
    return best


def settle_stored(
    cursor: psycopg.Cursor,
    stored: Stored,
    arrivals: list[Arrival],
    registry: Registry,
    changes: Changes,
) -> bool:
    """Settles all arrivals of one instrument and time against the row that stands there.

    Returns:
        Whether the row changed in what counts.
    """
    raw, heartbeat = stored
    challengers = []
    lives = False
    for arrival in arrivals:
        if arrival.heartbeat == heartbeat:
            arrival.outcome.duplicates += 1
            lives = lives or arrival.live
        else:
            challengers.append(arrival)
    if challengers:
        best = settle_all(challengers, changes)
        if precedence(best.heartbeat) < precedence(heartbeat):
            changes.letters.append(_displaced(stored, registry))
            best.outcome.stored += 1
            best.live = best.live or lives or bool(raw.flags & LIVE)
            stored_rows.replace(cursor, best)
            return True
        _lose(best, changes)
        lives = lives or any(arrival.live for arrival in challengers)
    if lives and not raw.flags & LIVE:
        stored_rows.make_live(cursor, arrivals[0].instrument_key, raw.ts_us)
        return True
    return False


def settle_doubtful(
    cursor: psycopg.Cursor,
    verdict: Verdict,
    standing: dict[tuple[int, int], Stored],
    accept_past_us: int,
    oldest_us: int,
) -> None:
    """Too old, unless stored or recorded already: a redelivery is never news (rule 3)."""
    if not verdict.doubtful:
        return
    digests = {id(a): conflict_digest(canonical_encoding(a.heartbeat)) for a in verdict.doubtful}
    cursor.execute(SQL["recorded"], [list(digests.values())])
    recorded = {bytes(row[0]) for row in cursor}
    for arrival in verdict.doubtful:
        found = standing.get((arrival.instrument_key, arrival.ts_us))
        if (found and found[1] == arrival.heartbeat) or digests[id(arrival)] in recorded:
            arrival.outcome.duplicates += 1
        else:
            received = arrival.inbound.received_us
            refuse_too_old(verdict, arrival, max(received - accept_past_us, oldest_us))


def _lose(arrival: Arrival, changes: Changes) -> None:
    heartbeat, inbound = arrival.heartbeat, arrival.inbound
    letter = DeadLetter(
        reason=Reason.CONFLICT,
        detail=_detail(heartbeat),
        gateway_id=inbound.gateway_id,
        # Not a device's own: what is kept is a heartbeat.
        topic=f"instruments/v1/{inbound.gateway_id}/heartbeat",
        payload=canonical_encoding(heartbeat),
        received_us=inbound.received_us,
        live=arrival.live,
        historical=inbound.historical,
        instrument_id=heartbeat.instrument_id,
        ts_us=heartbeat.ts_us,
    )
    changes.letters.append(letter)
    changes.losers.append((letter.digest, arrival))


def _displaced(stored: Stored, registry: Registry) -> DeadLetter:
    """The letter of a row that stood until something came that goes before it."""
    raw, heartbeat = stored
    gateway_id = registry.gateways_by_key[raw.gateway_key].gateway_id
    return DeadLetter(
        reason=Reason.CONFLICT,
        detail=_detail(heartbeat),
        gateway_id=gateway_id,
        topic=f"instruments/v1/{gateway_id}/heartbeat",
        payload=canonical_encoding(heartbeat),
        received_us=raw.received_us,
        live=bool(raw.flags & LIVE),
        historical=False,
        instrument_id=heartbeat.instrument_id,
        ts_us=raw.ts_us,
    )


def _detail(loser: Heartbeat) -> str:
    # Nothing of the winner: which one that was by then depends on the order of arrival.
    return (
        f"instrument {loser.instrument_id!r} says {_said(loser)} at"
        f" {format_ts(loser.ts_us)}, but also something that goes before it: the lesser use, then"
        " the shorter interval_s of its own, then the smaller encoding stands (rule 3)"
    )


def _said(heartbeat: Heartbeat) -> str:
    if heartbeat.state is not None:
        return repr(heartbeat.state.word)
    if heartbeat.available is not None:
        return "'online'" if heartbeat.available else "'offline'"
    return f"{heartbeat.power_w:g} W"
