-- Who was heard when (read by silence.py), and alerts that open and close (written by book.py).
-- Times are microseconds since 1970.

-- name: now
SELECT us(clock_timestamp())

-- name: devices
SELECT v.institution_key, v.gateway_key, v.instrument_key, us(s.live_until)
FROM instrument_version v JOIN instrument_status s USING (instrument_key)
WHERE v.force_from <= now() AND v.force_to > now() AND s.live_until IS NOT NULL
  AND (v.retired_on IS NULL OR v.retired_on::timestamp AT TIME ZONE v.timezone > now())
  AND NOT suspended_on(v.suspensions, (now() AT TIME ZONE v.timezone)::date)
  AND NOT EXISTS (SELECT FROM maintenance m WHERE m.instrument_key = v.instrument_key
                  AND m.starts_at <= now() AND m.ends_at > now())

-- name: reasons
-- Why subjects of alerts have nobody left that must be heard: of several reasons the one that ends
-- soonest. An instrument that stands as ever is in another's charge now.
SELECT n.kind, n.key,
       CASE WHEN bool_or(r.reason = 'maintenance') THEN 'maintenance'
            WHEN bool_or(r.reason = 'suspended') THEN 'suspended'
            WHEN bool_or(r.reason = 'retired') THEN 'retired'
            ELSE 'moved' END
FROM unnest(%(kinds)s::text[], %(keys)s::bigint[]) AS n (kind, key)
LEFT JOIN LATERAL (
    SELECT CASE
               WHEN v.retired_on::timestamp AT TIME ZONE v.timezone <= now() THEN 'retired'
               WHEN suspended_on(v.suspensions, (now() AT TIME ZONE v.timezone)::date)
                   THEN 'suspended'
               WHEN EXISTS (SELECT FROM maintenance m WHERE m.instrument_key = v.instrument_key
                            AND m.starts_at <= now() AND m.ends_at > now()) THEN 'maintenance'
           END AS reason
    FROM instrument_version v
    WHERE v.force_from <= now() AND v.force_to > now()
      AND n.key = CASE n.kind WHEN 'institution_silent' THEN v.institution_key
                              WHEN 'gateway_silent' THEN v.gateway_key
                              ELSE v.instrument_key END
) r ON true
GROUP BY n.kind, n.key

-- name: listening
SELECT gateways, us(starts_at) FROM collector_listening
WHERE NOT closed AND ends_at > clock_timestamp() - interval '15 seconds'

-- name: gateways
SELECT gateway_key, gateway_id FROM gateway

-- name: standing
SELECT kind, subject_key, us(heard_since) FROM alert
WHERE closed_at IS NULL AND kind = ANY (%s::text[])

-- name: subject_ids
-- What people call those that are silent.
SELECT n.kind, n.key,
       CASE n.kind
           WHEN 'institution_silent' THEN
               (SELECT institution_id FROM institution WHERE institution_key = n.key)
           WHEN 'gateway_silent' THEN (SELECT gateway_id FROM gateway WHERE gateway_key = n.key)
           ELSE (SELECT instrument_id FROM instrument WHERE instrument_key = n.key)
       END
FROM unnest(%(kinds)s::text[], %(keys)s::bigint[]) AS n (kind, key)

-- name: open
-- A subject that was muted stays so, whoever opens it again.
WITH named AS (
    SELECT * FROM unnest(%(kinds)s::text[], %(keys)s::bigint[], %(ids)s::text[],
                         %(institutions)s::integer[], %(sinces)s::timestamptz[],
                         %(instruments)s::integer[], %(details)s::jsonb[])
        AS n (kind, subject_key, subject_id, institution_key, since, instruments, detail)
), opened AS (
    INSERT INTO alert (kind, subject_key, subject_id, institution_key, since, instruments, detail,
                       opened_at, muted_until)
    SELECT n.kind, n.subject_key, n.subject_id, n.institution_key, n.since, n.instruments, n.detail,
           %(now)s,
           (SELECT max(a.muted_until) FROM alert a
            WHERE a.kind = n.kind AND a.subject_key = n.subject_key AND a.muted_until > %(now)s)
    FROM named n
    ON CONFLICT (kind, subject_key) WHERE closed_at IS NULL DO NOTHING
    RETURNING alert_id
)
INSERT INTO alert_event (alert_id, at, event) SELECT alert_id, %(now)s, 'opened' FROM opened
RETURNING event_id

-- name: close
WITH closed AS (
    UPDATE alert a SET closed_at = %(now)s, folded = %(folded)s, closed_because = n.because
    FROM unnest(%(kinds)s::text[], %(keys)s::bigint[], %(because)s::text[])
        AS n (kind, subject_key, because)
    WHERE a.kind = n.kind AND a.subject_key = n.subject_key AND a.closed_at IS NULL
    RETURNING alert_id
)
INSERT INTO alert_event (alert_id, at, event)
SELECT alert_id, %(now)s, CASE WHEN %(folded)s THEN 'folded' ELSE 'closed' END FROM closed
RETURNING event_id

-- name: over
UPDATE alert a SET heard_since = n.since
FROM unnest(%(kinds)s::text[], %(keys)s::bigint[], %(sinces)s::timestamptz[])
    AS n (kind, subject_key, since)
WHERE a.kind = n.kind AND a.subject_key = n.subject_key AND a.closed_at IS NULL

-- name: forget
DELETE FROM alert WHERE closed_at < clock_timestamp() - %s * interval '1 microsecond'
