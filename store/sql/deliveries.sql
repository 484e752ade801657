-- Who is sent closed periods, and the outbox; read and written by deliveries.py and outbox.py.

-- name: list
SELECT d.name, d.kind, d.profile, d.form, d.url, d.every_s, d.persons, n.institution_id,
       us(d.since), us(d.created_at), us(d.changed_at), d.failures, us(d.failing_since),
       d.failure, us(d.paused_until),
       (SELECT count(*) FROM delivery_item i
        WHERE i.delivery_key = d.delivery_key AND i.due_at IS NOT NULL),
       (SELECT count(*) FROM delivery_item i
        WHERE i.delivery_key = d.delivery_key AND i.given_up_at IS NOT NULL),
       (SELECT count(*) FROM delivery_period p WHERE p.delivery_key = d.delivery_key)
FROM delivery d LEFT JOIN institution n USING (institution_key)
WHERE (%(name)s::text IS NULL OR d.name = %(name)s)
  AND (%(tenant)s::integer IS NULL OR d.institution_key = %(tenant)s)
  AND (%(after)s::text IS NULL OR d.name > %(after)s COLLATE "C")
ORDER BY d.name LIMIT %(limit)s

-- name: items
-- What failed comes first by its number, so that a dead end is not buried.
SELECT i.item_id, i.period_id, i.n, i.name, i.tries, us(i.tried_at), us(i.due_at),
       us(i.delivered_at), us(i.given_up_at), i.sha256, a.status, a.answer, a.error
FROM delivery_item i JOIN delivery d USING (delivery_key)
LEFT JOIN LATERAL (SELECT status, answer, error FROM delivery_attempt a
                   WHERE a.item_id = i.item_id ORDER BY a.try DESC LIMIT 1) a ON true
WHERE d.name = %(name)s AND i.item_id > %(after)s
  AND (%(states)s::text[] IS NULL
       OR (i.due_at IS NOT NULL AND 'waiting' = ANY (%(states)s::text[]))
       OR (i.given_up_at IS NOT NULL AND 'given_up' = ANY (%(states)s::text[]))
       OR (i.delivered_at IS NOT NULL AND 'delivered' = ANY (%(states)s::text[])))
ORDER BY i.item_id LIMIT %(limit)s

-- name: institution
SELECT institution_key FROM institution
WHERE institution_id = %(id)s AND (%(tenant)s::integer IS NULL OR institution_key = %(tenant)s)

-- name: lock
-- One change at a time: there are few, and a name must not be made twice.
SELECT pg_advisory_xact_lock(hashtext('delivery'))

-- name: put
-- What was wrong with the old address is forgotten: the new one is tried at once.
INSERT INTO delivery (name, kind, profile, form, url, every_s, persons, institution_key,
                      sealed_secret, since)
VALUES (%(name)s, %(kind)s, %(profile)s, %(form)s, %(url)s, %(every_s)s, %(persons)s,
        %(institution)s, %(sealed)s, coalesce(%(since)s, now()))
ON CONFLICT (name) DO UPDATE SET
    kind = excluded.kind, profile = excluded.profile, form = excluded.form, url = excluded.url,
    every_s = excluded.every_s, persons = excluded.persons,
    institution_key = excluded.institution_key,
    sealed_secret = coalesce(excluded.sealed_secret, delivery.sealed_secret),
    since = coalesce(%(since)s, delivery.since), changed_at = now(), looked_at = NULL,
    failures = 0, failing_since = NULL, failure = NULL, paused_until = NULL

-- name: delete
DELETE FROM delivery WHERE name = %(name)s

-- name: retry
WITH again AS (
    UPDATE delivery_item i SET due_at = clock_timestamp(), given_up_at = NULL, tries = 0
    FROM delivery d
    WHERE d.name = %(name)s AND i.delivery_key = d.delivery_key AND i.given_up_at IS NOT NULL
    RETURNING i.item_id
), waiting AS (
    UPDATE delivery_item i SET due_at = clock_timestamp()
    FROM delivery d
    WHERE d.name = %(name)s AND i.delivery_key = d.delivery_key
      AND i.due_at > clock_timestamp() AND i.given_up_at IS NULL
    RETURNING i.item_id
), at_once AS (
    UPDATE delivery SET paused_until = NULL, failures = 0, looked_at = NULL
    WHERE name = %(name)s RETURNING delivery_key
)
SELECT (SELECT count(*) FROM again) + (SELECT count(*) FROM waiting),
       (SELECT count(*) FROM at_once)

-- name: look
-- Whose turn it is to look for closed periods; whoever dies meanwhile leaves it for the next.
SELECT d.delivery_key, d.name, d.kind, d.profile, d.form, d.url, d.persons, n.institution_id,
       d.sealed_secret, d.failures, d.failure
FROM delivery d LEFT JOIN institution n USING (institution_key)
WHERE d.looked_at IS NULL OR d.looked_at <= clock_timestamp() - d.every_s * interval '1 second'
ORDER BY d.looked_at NULLS FIRST, d.delivery_key LIMIT 1 FOR UPDATE OF d SKIP LOCKED

-- name: closed
SELECT p.period_id FROM period p, delivery d
WHERE d.delivery_key = %(delivery)s AND p.closed_at >= d.since
  AND p.institution_key IS NOT DISTINCT FROM d.institution_key
  AND NOT EXISTS (SELECT FROM delivery_period o
                  WHERE o.delivery_key = d.delivery_key AND o.period_id = p.period_id)
ORDER BY p.closed_at, p.period_id

-- name: looked
UPDATE delivery SET looked_at = clock_timestamp() WHERE delivery_key = %(delivery)s

-- name: put_period
INSERT INTO delivery_period (delivery_key, period_id) VALUES (%(delivery)s, %(period)s)
ON CONFLICT DO NOTHING

-- name: put_records
INSERT INTO delivery_item (delivery_key, period_id, n, due_at)
SELECT %(delivery)s, r.period_id, r.n, clock_timestamp() FROM period_record r
WHERE r.period_id = %(period)s ORDER BY r.n
ON CONFLICT DO NOTHING

-- name: put_files
INSERT INTO delivery_item (delivery_key, period_id, name, due_at)
SELECT %(delivery)s, %(period)s, name, clock_timestamp()
FROM unnest(%(names)s::text[]) WITH ORDINALITY AS f (name, place) ORDER BY place
ON CONFLICT DO NOTHING

-- name: take_delivery
-- The one that waited longest for its turn. One that fails is tried by nobody else meanwhile.
WITH chosen AS (
    SELECT d.delivery_key FROM delivery d
    WHERE (d.paused_until IS NULL OR d.paused_until <= clock_timestamp())
      AND EXISTS (SELECT FROM delivery_item i
                  WHERE i.delivery_key = d.delivery_key AND i.due_at <= clock_timestamp())
    ORDER BY d.served_at NULLS FIRST, d.delivery_key LIMIT 1 FOR UPDATE OF d SKIP LOCKED
), taken AS (
    UPDATE delivery d
    SET served_at = clock_timestamp(),
        paused_until = CASE WHEN d.failures > 0
                            THEN clock_timestamp() + %(lease_s)s * interval '1 second' END
    FROM chosen c WHERE d.delivery_key = c.delivery_key
    RETURNING d.*
)
SELECT d.delivery_key, d.name, d.kind, d.profile, d.form, d.url, d.persons, n.institution_id,
       d.sealed_secret, d.failures, d.failure
FROM taken d LEFT JOIN institution n USING (institution_key)

-- name: take_items
-- For the length of the lease they are ours. The try counts before it is made, so that one that
-- ends us does not come for ever.
WITH due AS (
    SELECT item_id FROM delivery_item
    WHERE delivery_key = %(delivery)s AND due_at <= clock_timestamp()
    ORDER BY due_at, item_id LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
UPDATE delivery_item i
SET tries = i.tries + 1, tried_at = clock_timestamp(),
    due_at = clock_timestamp() + %(lease_s)s * interval '1 second'
FROM due WHERE i.item_id = due.item_id
RETURNING i.item_id, i.period_id, i.n, i.name, i.tries

-- name: release
UPDATE delivery_item SET due_at = clock_timestamp(), tries = tries - 1
WHERE item_id = ANY (%(items)s) AND delivered_at IS NULL AND given_up_at IS NULL

-- name: note_attempt
INSERT INTO delivery_attempt (item_id, try, status, answer, error)
SELECT %(item)s, coalesce(max(try), 0) + 1, %(status)s, %(answer)s, %(error)s
FROM delivery_attempt WHERE item_id = %(item)s

-- name: delivered
UPDATE delivery_item SET due_at = NULL, delivered_at = clock_timestamp(), sha256 = %(sha256)s
WHERE item_id = %(item)s

-- name: again
-- Without a pause it is given up.
UPDATE delivery_item
SET due_at = clock_timestamp() + %(pause_s)s::integer * interval '1 second',
    given_up_at = CASE WHEN %(pause_s)s::integer IS NULL THEN clock_timestamp() END
WHERE item_id = %(item)s

-- name: works
UPDATE delivery SET failures = 0, failing_since = NULL, failure = NULL, paused_until = NULL
WHERE delivery_key = %(delivery)s AND (failures > 0 OR failure IS NOT NULL)

-- name: fails
UPDATE delivery
SET failures = %(failures)s, failing_since = coalesce(failing_since, clock_timestamp()),
    failure = %(failure)s, paused_until = clock_timestamp() + %(pause_s)s * interval '1 second'
WHERE delivery_key = %(delivery)s

-- name: count_failing
SELECT count(*) FROM delivery WHERE failures > 0
