-- Planned maintenance, time outside opening hours' sums; and downtime, which is within them. Read and written by maintenance.py.
-- Where `tenant` is given, the instrument must be that institution's now.

-- name: instrument_key
SELECT i.instrument_key FROM instrument i WHERE i.instrument_id = %(instrument_id)s
  AND (%(tenant)s::integer IS NULL OR EXISTS (
       SELECT FROM instrument_version h WHERE h.instrument_key = i.instrument_key
         AND h.force_from <= now() AND h.force_to > now() AND h.institution_key = %(tenant)s))

-- name: create
INSERT INTO maintenance (instrument_key, starts_at, ends_at, kind, reason)
VALUES (%(key)s, %(starts_at)s, coalesce(%(ends_at)s::timestamptz, 'infinity'), %(kind)s, %(reason)s)
RETURNING maintenance_id

-- name: find
SELECT m.maintenance_id, i.instrument_id, us(m.starts_at),
       CASE WHEN isfinite(m.ends_at) THEN us(m.ends_at) END, m.kind, m.reason,
       us(m.created_at), m.instrument_key
FROM maintenance m JOIN instrument i USING (instrument_key)
WHERE m.maintenance_id = %(id)s
  AND (%(tenant)s::integer IS NULL OR EXISTS (
       SELECT FROM instrument_version h WHERE h.instrument_key = m.instrument_key
         AND h.force_from <= now() AND h.force_to > now() AND h.institution_key = %(tenant)s))

-- name: lock
SELECT FROM maintenance WHERE maintenance_id = %(id)s FOR UPDATE

-- name: list
SELECT m.maintenance_id, i.instrument_id, us(m.starts_at),
       CASE WHEN isfinite(m.ends_at) THEN us(m.ends_at) END, m.kind, m.reason,
       us(m.created_at), m.instrument_key
FROM maintenance m JOIN instrument i USING (instrument_key)
WHERE m.maintenance_id > %(after)s
  AND (%(tenant)s::integer IS NULL OR EXISTS (
       SELECT FROM instrument_version h WHERE h.instrument_key = m.instrument_key
         AND h.force_from <= now() AND h.force_to > now() AND h.institution_key = %(tenant)s))
  AND (%(institution)s::text[] IS NULL OR EXISTS (
       SELECT FROM instrument_version h JOIN institution n USING (institution_key)
       WHERE h.instrument_key = m.instrument_key AND h.force_from <= now() AND h.force_to > now()
         AND n.institution_id = ANY (%(institution)s::text[])))
  AND (%(kind)s::text[] IS NULL OR m.kind = ANY (%(kind)s::text[]))
  AND (%(instrument_id)s::text[] IS NULL OR i.instrument_id = ANY (%(instrument_id)s::text[]))
  AND (%(from)s::timestamptz IS NULL OR m.ends_at > %(from)s)
  AND (%(to)s::timestamptz IS NULL OR m.starts_at < %(to)s)
ORDER BY m.maintenance_id
LIMIT %(limit)s

-- name: update
UPDATE maintenance SET instrument_key = %(key)s, starts_at = %(starts_at)s, 
       ends_at = coalesce(%(ends_at)s::timestamptz, 'infinity'),
       kind = %(kind)s, reason = %(reason)s
WHERE maintenance_id = %(id)s

-- name: delete
DELETE FROM maintenance WHERE maintenance_id = %(id)s

-- name: forget
-- What lies ahead of now has no rollup yet.
SELECT rollup_forget(array_agg(k), array_agg(a), array_agg(least(coalesce(b, now()), now())))
FROM unnest(%(keys)s::integer[], %(from)s::timestamptz[], %(to)s::timestamptz[]) AS t (k, a, b)
WHERE a < now()
HAVING count(*) > 0
