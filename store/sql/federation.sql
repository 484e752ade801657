-- Rollups of a city, published and taken; read by store/federation.

-- name: lock
-- One publisher a city, one taker a city of a follower: what is left of a lock goes with its holder.
SELECT pg_try_advisory_lock(1718969444, %(of)s)

-- name: first_heard
SELECT us(min(first_at)) FROM instrument_status

-- name: probes
SELECT span, us(starts_at), probe FROM federation_rollup WHERE span <> 'now'

-- name: newest_revision
SELECT coalesce(max(revision), 0) FROM federation_rollup

-- name: replace
DELETE FROM federation_rollup WHERE span = %(span)s AND (span = 'now' OR starts_at = %(start)s)

-- name: publish
INSERT INTO federation_rollup
    (span, starts_at, ends_at, revision, probe, sha256, signature, size, document,
     timezone)
VALUES (%(span)s, %(start)s, %(end)s, %(revision)s, %(probe)s, %(sha256)s, %(signature)s,
        %(size)s, %(document)s, %(timezone)s)

-- name: feed
SELECT span, us(starts_at), us(ends_at), revision, sha256, signature, size, us(published_at),
       timezone
FROM federation_rollup WHERE revision > %(after)s ORDER BY revision LIMIT %(limit)s

-- name: document
SELECT sha256, size, document FROM federation_rollup WHERE revision = %(revision)s

-- name: forget_cities
UPDATE federated_city SET followed = false WHERE followed AND NOT city = ANY (%(cities)s::text[])

-- name: put_city
INSERT INTO federated_city (city, name, url, region, region_name)
VALUES (%(city)s, %(name)s, %(url)s, %(region)s, %(region_name)s)
ON CONFLICT (city) DO UPDATE SET name = EXCLUDED.name, url = EXCLUDED.url,
    region = EXCLUDED.region, region_name = EXCLUDED.region_name, followed = true

-- name: place
SELECT city_key, taken FROM federated_city WHERE city = %(city)s

-- name: asked
UPDATE federated_city SET asked_at = now() WHERE city_key = %(city)s

-- name: heard
UPDATE federated_city SET heard_at = now(), taken = %(taken)s, failure = NULL, failed_at = NULL
WHERE city_key = %(city)s

-- name: failed
UPDATE federated_city
SET failed_at = CASE WHEN failure IS NULL THEN now() ELSE failed_at END, failure = %(why)s,
    taken = %(taken)s
WHERE city_key = %(city)s

-- name: held
-- Locked, so that two takers leave the newer one.
SELECT r.rollup_key, us(r.starts_at), us(r.ends_at), r.revision, r.first_revision, r.sha256, p.total
FROM federated_rollup r LEFT JOIN federated_part p ON p.rollup_key = r.rollup_key AND p.part = 0
WHERE r.city_key = %(city)s AND r.span = %(span)s AND (r.span = 'now' OR r.starts_at = %(start)s)
FOR UPDATE OF r

-- name: drop
DELETE FROM federated_rollup WHERE rollup_key = %(rollup)s

-- name: take
INSERT INTO federated_rollup
    (city_key, span, starts_at, ends_at, revision, first_revision, as_of, complete_at, key_id,
     sha256, signature, document, districts, classes, kinds)
VALUES (%(city)s, %(span)s, %(start)s, %(end)s, %(revision)s, %(first)s, %(as_of)s, %(complete)s,
        %(key_id)s, %(sha256)s, %(signature)s, %(document)s, %(districts)s, %(classes)s, %(kinds)s)
RETURNING rollup_key

-- name: take_part
INSERT INTO federated_part (rollup_key, part, ends_at, total, cells)
VALUES (%(rollup)s, %(part)s, %(end)s, %(total)s, %(cells)s)

-- name: amend
INSERT INTO federated_amendment
    (city_key, span, starts_at, ends_at, was_revision, revision, was, became)
VALUES (%(city)s, %(span)s, %(start)s, %(end)s, %(was_revision)s, %(revision)s, %(was)s,
        %(became)s)

-- name: cities
SELECT c.city_key, c.city, c.name, c.url, c.region, c.region_name, us(n.as_of),
       us(n.complete_at), us(c.heard_at), c.failure
FROM federated_city c
LEFT JOIN federated_rollup n ON n.city_key = c.city_key AND n.span = 'now'
WHERE c.followed
ORDER BY c.city

-- name: now
SELECT us(now())

-- name: of_window
SELECT r.rollup_key, r.city_key, r.span, r.revision, r.first_revision, us(r.as_of)
FROM federated_rollup r JOIN federated_city c USING (city_key)
WHERE c.followed AND r.span <> 'now' AND r.starts_at = %(start)s AND r.ends_at = %(end)s

-- name: of_now
SELECT r.rollup_key, r.city_key, r.span, r.revision, r.first_revision, us(r.as_of)
FROM federated_rollup r JOIN federated_city c USING (city_key)
WHERE c.followed AND r.span = 'now'

-- name: totals
SELECT rollup_key, part, us(ends_at), total
FROM federated_part WHERE rollup_key = ANY (%(rollups)s::bigint[]) AND (part = 0 OR %(parts)s)
ORDER BY rollup_key, part

-- name: cells
SELECT rollup_key, part, us(ends_at), cells
FROM federated_part WHERE rollup_key = ANY (%(rollups)s::bigint[]) AND (part = 0 OR %(parts)s)
ORDER BY rollup_key, part

-- name: codes
SELECT rollup_key, districts, classes, kinds
FROM federated_rollup WHERE rollup_key = ANY (%(rollups)s::bigint[])

-- name: amendments
SELECT a.amendment_id, c.city, c.name, a.span, us(a.starts_at), us(a.ends_at), a.was_revision,
       a.revision, us(a.taken_at), a.was, a.became
FROM federated_amendment a JOIN federated_city c USING (city_key)
WHERE a.starts_at < %(end)s AND a.ends_at > %(start)s AND a.amendment_id > %(after)s
  AND (%(city)s::text[] IS NULL OR c.city = ANY (%(city)s::text[]))
ORDER BY a.amendment_id LIMIT %(limit)s
