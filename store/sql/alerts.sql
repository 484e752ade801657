-- Alerts: read, and acknowledged, by alerts.py. Opened and closed by ingest.

-- name: list
SELECT a.alert_id, a.kind, s.state, a.subject_id, n.institution_id, us(a.since), a.instruments,
       us(a.opened_at), us(a.closed_at), a.folded, us(a.acknowledged_at), a.acknowledged_by,
       a.note, us(a.muted_until), a.detail, a.closed_because
FROM alert a
LEFT JOIN institution n USING (institution_key)
CROSS JOIN LATERAL (
    -- include: alert_state.state
) s
WHERE (%(id)s::bigint IS NULL OR a.alert_id = %(id)s)
  AND (%(before)s::bigint IS NULL OR a.alert_id < %(before)s)
  AND (a.closed_at IS NULL OR %(closed)s)
  AND (%(tenant)s::integer IS NULL OR a.institution_key = %(tenant)s)
  AND (%(states)s::text[] IS NULL OR s.state = ANY (%(states)s))
  AND (%(kinds)s::text[] IS NULL OR a.kind = ANY (%(kinds)s))
  AND (%(institutions)s::text[] IS NULL OR n.institution_id = ANY (%(institutions)s))
  AND (%(subjects)s::text[] IS NULL OR a.subject_id = ANY (%(subjects)s))
ORDER BY a.alert_id DESC
LIMIT %(limit)s

-- name: counts
SELECT a.kind, s.state, count(*)
FROM alert a
LEFT JOIN institution n USING (institution_key)
CROSS JOIN LATERAL (
    -- include: alert_state.state
) s
WHERE a.closed_at IS NULL
  AND (%(tenant)s::integer IS NULL OR a.institution_key = %(tenant)s)
  AND (%(institutions)s::text[] IS NULL OR n.institution_id = ANY (%(institutions)s))
GROUP BY a.kind, s.state
ORDER BY a.kind, s.state

-- name: events
SELECT us(at), event, actor, note FROM alert_event WHERE alert_id = %(id)s ORDER BY event_id

-- name: lock
SELECT FROM alert WHERE alert_id = %(id)s FOR UPDATE

-- name: acknowledge
WITH changed AS (
    UPDATE alert SET acknowledged_at = now(), acknowledged_by = %(actor)s, note = %(note)s,
                     muted_until = %(muted_until)s::timestamptz
    WHERE alert_id = %(id)s AND closed_at IS NULL RETURNING alert_id
)
INSERT INTO alert_event (alert_id, at, event, actor, note)
SELECT alert_id, now(), %(event)s, %(actor)s, %(note)s FROM changed
