-- What is told to webhooks: put into the outbox by alerts.py, sent by webhooks.py.

-- name: put_opened
-- Who muted its subject is told nothing of it.
INSERT INTO webhook_delivery (webhook_key, event_id, due_at)
SELECT w.webhook_key, e.event_id, %(due)s
FROM alert_event e JOIN alert a USING (alert_id)
JOIN webhook w ON a.kind = ANY (w.kinds)
     AND (w.institution_key IS NULL OR w.institution_key = a.institution_key)
WHERE e.event_id = ANY (%(events)s) AND (a.muted_until > clock_timestamp()) IS NOT TRUE
ON CONFLICT DO NOTHING

-- name: put_closed
-- Whoever was told that it began is told that it ended. What began and ended within quiet hours
-- is told to nobody.
WITH began AS (
    SELECT d.delivery_id, d.webhook_key, e.event_id,
           d.tries = 0 AND d.due_at > clock_timestamp() AS unsaid
    FROM alert_event e
    JOIN alert_event o ON o.alert_id = e.alert_id AND o.event = 'opened'
    JOIN webhook_delivery d ON d.event_id = o.event_id
    WHERE e.event_id = ANY (%(events)s)
), unsaid AS (
    DELETE FROM webhook_delivery d USING began b WHERE d.delivery_id = b.delivery_id AND b.unsaid
)
INSERT INTO webhook_delivery (webhook_key, event_id, due_at)
SELECT webhook_key, event_id, %(due)s FROM began WHERE NOT unsaid
ON CONFLICT DO NOTHING

-- name: take
-- One at a time to each, so that a slow one delays nobody for long; for the length of the lease
-- it is ours. The try counts before it is made, so that one that ends us does not come for ever.
WITH due AS (
    SELECT DISTINCT ON (webhook_key) delivery_id FROM webhook_delivery
    WHERE due_at <= clock_timestamp() ORDER BY webhook_key, due_at, delivery_id LIMIT 20
), taken AS (
    SELECT delivery_id FROM webhook_delivery JOIN due USING (delivery_id)
    WHERE due_at <= clock_timestamp() FOR UPDATE OF webhook_delivery SKIP LOCKED
)
UPDATE webhook_delivery d
SET tries = d.tries + 1, tried_at = clock_timestamp(),
    due_at = clock_timestamp() + %(lease_s)s * interval '1 second'
FROM taken t, webhook w, alert_event e,
     alert a LEFT JOIN institution n ON n.institution_key = a.institution_key
WHERE d.delivery_id = t.delivery_id AND w.webhook_key = d.webhook_key
  AND e.event_id = d.event_id AND a.alert_id = e.alert_id
RETURNING d.delivery_id, d.tries, w.name, w.url, w.sealed_secret, e.event_id, e.event, us(e.at),
          a.alert_id, a.kind, a.subject_id, n.institution_id, us(a.since), a.instruments,
          us(a.opened_at), a.detail, a.closed_because

-- name: delivered
UPDATE webhook_delivery SET due_at = NULL, delivered_at = clock_timestamp(), status = %(status)s,
       error = NULL
WHERE delivery_id = %(id)s

-- name: failed
-- Without a pause it is given up.
UPDATE webhook_delivery
SET status = %(status)s, error = %(error)s,
    due_at = clock_timestamp() + %(pause_s)s::integer * interval '1 second',
    given_up_at = CASE WHEN %(pause_s)s::integer IS NULL THEN clock_timestamp() END
WHERE delivery_id = %(id)s
