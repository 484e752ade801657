"""Whether a gateway is there, by its own word or its will (rule 14, contract section 4).

``mqtt_session`` keeps the late will of an older connection from taking a live gateway down. A
will says nothing of when: it counts from the last message of its session.
"""

from collections.abc import Sequence

import psycopg

from ingest.db.connection import Micros
from ingest.metrics import Metrics
from ingest.write.batch import Inbound, Outcome
from ingest.write.dead_letter import Letter
from ingest.write.registry_cache import Gateway, Registry
from models.heartbeat import Reason

SELECT = """
SELECT online, mqtt_session, since, last_status_at FROM gateway_status WHERE gateway_key = %s
FOR UPDATE
"""
#: The newest live heartbeat that came within the session, over the gateway's instruments.
LAST_HEARTBEAT = """
SELECT max(s.live_at) FROM instrument_status s JOIN instrument_version v USING (instrument_key)
WHERE v.gateway_key = %s AND v.force_from <= now() AND v.force_to > now()
  AND s.last_received_at >= %s
"""
CHILDREN = """
SELECT DISTINCT instrument_key FROM instrument_version WHERE gateway_key = %s
"""


def apply(
    cursor: psycopg.Cursor,
    inbounds: Sequence[Inbound],
    outcomes: Sequence[Outcome],
    letters: list[Letter],
    registry: Registry,
    metrics: Metrics,
) -> list[tuple[int, int, int]]:
    """Takes the status messages of a batch, in order of arrival.

    Returns:
        Instruments and time ranges whose unknown time may have another cause now.
    """
    touched: list[tuple[int, int, int]] = []
    for inbound, outcome in zip(inbounds, outcomes, strict=True):
        if inbound.kind != "status":
            continue
        if inbound.refused is not None:
            _refuse(inbound, outcome, letters, inbound.refused.reason, inbound.refused.detail)
            continue
        gateway = registry.gateways.get(inbound.gateway_id)
        if gateway is None:
            _refuse(
                inbound,
                outcome,
                letters,
                Reason.UNKNOWN_GATEWAY,
                f"gateway {inbound.gateway_id!r} is not registered",
            )
            continue
        if inbound.status is None:
            continue  # an empty payload only clears a retained message
        span = _apply_one(cursor, gateway, inbound, metrics)
        if span:
            cursor.execute(CHILDREN, [gateway.key])
            touched.extend((key, *span) for (key,) in cursor.fetchall())
    return touched


def _refuse(
    inbound: Inbound, outcome: Outcome, letters: list[Letter], reason: Reason, detail: str
) -> None:
    payload = inbound.refused.payload if inbound.refused else inbound.payload
    outcome.errors.append((None, reason))
    letters.append(
        Letter(
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


def _apply_one(
    cursor: psycopg.Cursor, gateway: Gateway, inbound: Inbound, metrics: Metrics
) -> tuple[int, int] | None:
    status = inbound.status
    assert status is not None
    found = cursor.execute(SELECT, [gateway.key]).fetchone()
    assert found is not None, "a gateway's status row is made with its registration"
    online, mqtt_session, since, last_status = found
    received = inbound.received_us
    at = received
    if status.ts_us is not None and not status.will:
        at = min(status.ts_us + gateway.correction_us(status.ts_us), received)
    if status.online:
        if online and mqtt_session == status.mqtt_session:
            return None
        if inbound.retained and mqtt_session == status.mqtt_session and online is False:
            # The broker repeats what it kept; the session's end is already known.
            return None
        return _come(cursor, gateway, status.mqtt_session, at, received)
    if (
        mqtt_session is not None
        and status.mqtt_session is not None
        and mqtt_session != status.mqtt_session
    ):
        metrics.stale_wills.inc()
        return None
    if online is False:
        return None
    if status.will or status.ts_us is None:
        last = None
        if last_status is not None:
            row = cursor.execute(LAST_HEARTBEAT, [gateway.key, Micros(last_status)]).fetchone()
            last = row[0] if row else None
        at = min(last if last is not None else since if since is not None else received, received)
    return _leave(cursor, gateway, status.mqtt_session, at, received, by_will=status.will)


def _come(
    cursor: psycopg.Cursor, gateway: Gateway, mqtt_session: str | None, at: int, received: int
) -> tuple[int, int] | None:
    row = cursor.execute(
        "UPDATE gateway_offline SET ends_at = greatest(starts_at, %s)"
        " WHERE gateway_key = %s AND ends_at IS NULL RETURNING starts_at, ends_at",
        [Micros(at), gateway.key],
    ).fetchone()
    cursor.execute(
        "UPDATE gateway_status SET online = true, mqtt_session = %s, since = %s,"
        " last_status_at = %s, by_will = false WHERE gateway_key = %s",
        [mqtt_session, Micros(at), Micros(received), gateway.key],
    )
    return (row[0], received) if row else None


def _leave(
    cursor: psycopg.Cursor,
    gateway: Gateway,
    mqtt_session: str | None,
    at: int,
    received: int,
    *,
    by_will: bool,
) -> tuple[int, int]:
    cursor.execute(
        "INSERT INTO gateway_offline (gateway_key, starts_at) VALUES (%s, %s)"
        " ON CONFLICT (gateway_key, starts_at) DO UPDATE SET ends_at = NULL",
        [gateway.key, Micros(at)],
    )
    cursor.execute(
        "UPDATE gateway_status SET online = false, mqtt_session = %s, since = %s,"
        " last_status_at = %s, by_will = %s WHERE gateway_key = %s",
        [mqtt_session, Micros(at), Micros(received), by_will, gateway.key],
    )
    return at, received
