"""Takes what gateways say of themselves, and keeps their absences true to it (rule 14).

What words mean is ``models/gateway_link.py``; here they are written down at their places, and
what a new one may have changed is worked out again: from the connection on that it falls into,
or that it ends. A place is the receipt of a message, and ``receipts.py`` sees to it that heartbeats
and words of a batch have places in the order of their arrival.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import psycopg

from ingest.db.connection import Micros
from ingest.metrics import Metrics
from ingest.sql import statements
from ingest.write.batch import Inbound, Outcome
from ingest.write.dead_letter import DeadLetter
from ingest.write.inbounds import Inbounds
from ingest.write.registry_cache import Gateway, Registry
from models.gateway_link import Absence, Connection, Word, absences, changed, connections
from models.heartbeat import Reason

SQL = statements("gateway_link")
#: How far a heartbeat may lie ahead of its receipt, and then counts as received (µs).
AHEAD_US = 300_000_000
_NOT_HEARD = (None, None)


class _Said(NamedTuple):
    """A word that is new."""

    place_us: int
    online: bool
    mqtt_session: str | None
    will: bool


#: An instrument and a time range whose unknown time may have another cause now.
Touched = tuple[int, int, int]


def apply(
    cursor: psycopg.Cursor,
    inbounds: Inbounds,
    outcomes: Sequence[Outcome],
    letters: list[DeadLetter],
    registry: Registry,
    metrics: Metrics,
) -> list[Touched]:
    """Takes the status messages of a batch, whose heartbeats are written already.

    Heartbeats that are taken again with a receipt of long ago may be what came last within a
    connection that has ended meanwhile: that is worked out again, too.

    Returns:
        Instruments and time ranges whose unknown time may have another cause now.
    """
    said: dict[int, list[Inbound]] = {}
    replayed: dict[int, tuple[int, int]] = {}
    words = [place for place in inbounds.others if inbounds.made[place].kind == "status"]
    for place in sorted({*words, *np.flatnonzero(np.isnan(inbounds.arrived)).tolist()}):
        inbound, outcome = inbounds[place], outcomes[place]
        is_status = inbound.kind == "status"
        gateway = registry.gateways.get(inbound.gateway_id)
        if not is_status:
            if gateway is not None and outcome.stored:
                at = inbound.received_us
                first, last = replayed.get(gateway.key, (at, at))
                replayed[gateway.key] = min(first, at), max(last, at)
            continue
        if inbound.refused is not None:
            _refuse(inbound, outcome, letters, inbound.refused.reason, inbound.refused.detail)
        elif gateway is None:
            detail = f"gateway {inbound.gateway_id!r} is not registered"
            _refuse(inbound, outcome, letters, Reason.UNKNOWN_GATEWAY, detail)
        elif inbound.status is not None:  # else it only clears a retained message
            said.setdefault(gateway.key, []).append(inbound)
    touched: list[Touched] = []
    # In one order, so that two workers do not wait for each other.
    for key in sorted(said.keys() | replayed.keys()):
        gateway = registry.gateways_by_key[key]
        standing = cursor.execute(SQL["lock"], [key]).fetchone()
        new = [w for w in (_say(cursor, key, inbound) for inbound in said.get(key, ())) if w]
        if new and key not in replayed and all(_goes_on(word, standing) for word in new):
            # A gateway that says every minute that it is there is not read from its beginning.
            cursor.execute(SQL["stand_on"], [Micros(max(word.place_us for word in new)), key])
            continue
        from_us = _where_from(cursor, key, new, replayed.get(key))
        if from_us is not None:
            newest, found = _work_out(cursor, gateway, from_us)
            sessions = (None, newest.mqtt_session)
            metrics.stale_wills.inc(sum(w.will and w.mqtt_session not in sessions for w in new))
            touched += found
    return touched


def work_out_all(cursor: psycopg.Cursor, instrument_key: int, registry: Registry) -> list[Touched]:
    """Works out anew, as far as words are kept, when an instrument's gateways were off."""
    touched: list[Touched] = []
    for key, first in cursor.execute(SQL["gateways_of"], [instrument_key]).fetchall():
        cursor.execute(SQL["lock"], [key])
        touched += _work_out(cursor, registry.gateways_by_key[key], first)[1]
    return touched


def _refuse(
    inbound: Inbound, outcome: Outcome, letters: list[DeadLetter], reason: Reason, detail: str
) -> None:
    payload = inbound.refused.payload if inbound.refused else inbound.payload
    outcome.errors.append((None, reason))
    letters.append(
        DeadLetter(
            reason=reason,
            detail=detail,
            gateway_id=inbound.gateway_id,
            topic=inbound.topic,
            payload=payload,
            received_us=inbound.received_us,
            live=inbound.live,
            historical=False,
            heartbeats=0,
        )
    )


def _say(cursor: psycopg.Cursor, key: int, inbound: Inbound) -> _Said | None:
    """Writes a word down; ``None`` where it was known, at this place or an earlier one."""
    status = inbound.status
    assert status is not None
    ts = None if status.ts_us is None else Micros(status.ts_us)
    what = [status.online, status.mqtt_session, status.will]
    if inbound.retained and ts is None and cursor.execute(SQL["known"], [key, *what]).fetchone():
        return None
    place = Micros(inbound.received_us)
    row = cursor.execute(SQL["say"], [key, place, *what, inbound.retained, ts]).fetchone()
    return None if row is None else _Said(row[0], status.online, status.mqtt_session, status.will)


def _goes_on(word: _Said, standing: tuple[Any, ...] | None) -> bool:
    """Whether a word only says again that the connection is there that is: the newest of all."""
    if standing is None or standing[2] is None:
        return False
    online, mqtt_session, last_us = standing
    is_same = bool(online) and word.online and word.mqtt_session == mqtt_session
    return is_same and word.place_us > last_us


def _where_from(
    cursor: psycopg.Cursor, key: int, new: Sequence[_Said], replayed: tuple[int, int] | None
) -> int | None:
    """The place from which connections are to be worked out; ``None`` where nothing is new."""
    found: list[int] = []
    if replayed is not None:
        span = {"gateway": key, "first": Micros(replayed[0]), "last": Micros(replayed[1])}
        row = cursor.execute(SQL["connection_within"], span).fetchone()
        if row is not None and row[0] is not None:
            found.append(row[0])
    if not new:
        return min(found, default=None)
    first = min(word.place_us for word in new)
    row = cursor.execute(SQL["connection_at"], [key, Micros(first)]).fetchone()
    if row is None or row[0] is None:
        return first  # nothing began before it
    found.append(row[0])
    meant = {"gateway": key, "first": Micros(first)}
    row = cursor.execute(SQL["connections_meant"], meant).fetchone()
    if row is not None and row[0] is not None:
        found.append(row[0])
    return min(found)


def _work_out(
    cursor: psycopg.Cursor, gateway: Gateway, from_us: int
) -> tuple[Connection, list[Touched]]:
    """Makes absences what the words from a place on say, where a connection begins there.

    Returns:
        The newest connection, and what changed.
    """
    key = gateway.key
    rows = cursor.execute(SQL["words"], [key, Micros(from_us)]).fetchall()
    words = [_word(row, gateway) for row in rows]
    found = connections(words)
    known = {(row[0], row[7]): row[6] for row in rows}
    heard = [
        _heard(cursor, gateway, one, known.get((one.place_us, one.end_place_us))) for one in found
    ]
    begins = {
        one.place_us: (at, None if at is None else one.end_place_us)
        for one, at in zip(found, heard, strict=True)
    }
    cursor.execute(
        SQL["mark"],
        [
            [Micros(word.place_us) for word in words],
            [word.place_us in begins for word in words],
            [_micros(begins.get(word.place_us, _NOT_HEARD)[0]) for word in words],
            [_micros(begins.get(word.place_us, _NOT_HEARD)[1]) for word in words],
            key,
        ],
    )
    gone = cursor.execute(SQL["forget_absences"], [key, Micros(from_us)]).fetchall()
    before = [Absence(*row) for row in gone]
    after = absences(found, heard)
    for one in after:
        cursor.execute(
            SQL["note_absence"],
            [key, Micros(one.place_us), Micros(one.start_us), _micros(one.end_us)],
        )
    newest = found[-1]
    since = newest.begins_us
    if newest.has_ended:
        since = after[-1].start_us
    last = words[-1].place_us
    cursor.execute(
        SQL["stand"],
        [
            not newest.has_ended,
            newest.mqtt_session,
            Micros(since),
            newest.has_ended and newest.by_will,
            Micros(last),
            key,
        ],
    )
    differ = changed(before, after, last)
    if differ is None:
        return newest, []
    children = cursor.execute(SQL["children"], [key]).fetchall()
    return newest, [(child, *differ) for (child,) in children]


def _word(row: tuple[Any, ...], gateway: Gateway) -> Word:
    place, online, mqtt_session, will, retained, ts, _, _ = row
    at = None if ts is None else min(ts + gateway.correction_us(ts), place)
    return Word(place, online, mqtt_session, will, retained, at)


def _heard(
    cursor: psycopg.Cursor, gateway: Gateway, one: Connection, known: int | None
) -> int | None:
    """The newest time of the heartbeats within a connection, where it says when that ended.

    What was known of the same places stays known when retention has taken the rows.
    """
    if not one.ends_by_last_message or one.end_place_us is None:
        return None
    corrections = [correction for _, correction in gateway.corrections]
    least, most = min(corrections), max(corrections)
    row = cursor.execute(
        SQL["heard"],
        {
            "gateway": gateway.key,
            "since": Micros(one.begins_us - most if one.has_begun else 0),
            "until": Micros(one.end_place_us + AHEAD_US - least),
            "from": Micros(one.place_us if one.has_begun else 0),
            "to": Micros(one.end_place_us),
            "spread": most - least + AHEAD_US,
        },
    ).fetchone()
    told = [us for us in (known, None if row is None or row[0] is None else int(row[0])) if us]
    return max(told, default=None)


def _micros(us: int | None) -> Micros | None:
    return None if us is None else Micros(us)
