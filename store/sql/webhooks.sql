-- Webhooks as the API knows them; read and written by webhooks.py.

-- name: list
SELECT w.name, w.url, w.kinds, n.institution_id, us(w.created_at), us(w.changed_at),
       count(*) FILTER (WHERE d.delivered_at IS NOT NULL),
       count(*) FILTER (WHERE d.due_at IS NOT NULL),
       count(*) FILTER (WHERE d.given_up_at IS NOT NULL)
FROM webhook w
LEFT JOIN institution n USING (institution_key)
LEFT JOIN webhook_delivery d USING (webhook_key)
WHERE (%(name)s::text IS NULL OR w.name = %(name)s)
  AND (%(tenant)s::integer IS NULL OR w.institution_key = %(tenant)s)
GROUP BY w.webhook_key, n.institution_id
ORDER BY w.name

-- name: deliveries
SELECT d.delivery_id, e.alert_id, e.event, d.tries, us(d.tried_at), us(d.due_at),
       us(d.delivered_at), us(d.given_up_at), d.status, d.error
FROM webhook_delivery d JOIN webhook w USING (webhook_key) JOIN alert_event e USING (event_id)
WHERE w.name = %(name)s
ORDER BY d.delivery_id DESC LIMIT %(limit)s

-- name: institution
SELECT institution_key FROM institution
WHERE institution_id = %(id)s AND (%(tenant)s::integer IS NULL OR institution_key = %(tenant)s)

-- name: lock
-- One change at a time: there are few, and a name must not be made twice.
SELECT pg_advisory_xact_lock(hashtext('webhook'))

-- name: put
INSERT INTO webhook (name, url, kinds, institution_key, sealed_secret)
VALUES (%(name)s, %(url)s, %(kinds)s, %(institution)s, coalesce(%(sealed)s::bytea, ''))
ON CONFLICT (name) DO UPDATE SET
    url = excluded.url, kinds = excluded.kinds, institution_key = excluded.institution_key,
    sealed_secret = coalesce(%(sealed)s::bytea, webhook.sealed_secret), changed_at = now()

-- name: delete
DELETE FROM webhook WHERE name = %(name)s
