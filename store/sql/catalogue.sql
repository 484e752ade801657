-- Lists of what the registry holds now; read by catalogue.py. Versions are those in force now.
-- Where `tenant` is given, there is nothing but that institution's.

-- name: institutions
SELECT e.institution_id, v.valid_from,
       -- fields: institution
       , c.instruments
FROM institution e
JOIN institution_version v USING (institution_key)
CROSS JOIN LATERAL (
    SELECT count(*) AS instruments FROM instrument_version i
    WHERE i.institution_key = e.institution_key
      AND i.force_from <= now() AND i.force_to > now()
      AND coalesce(i.acquired_on <= %(today)s, true) AND coalesce(i.retired_on > %(today)s, true)
) c
WHERE v.force_from <= now() AND v.force_to > now()
  AND (%(tenant)s::integer IS NULL OR e.institution_key = %(tenant)s)
  AND (%(id)s::text IS NULL OR e.institution_id = %(id)s)
  AND (%(after)s::text IS NULL OR e.institution_id > %(after)s)
  AND (%(retired)s OR coalesce(v.retired_on > %(today)s, true))
  AND (%(district)s::text[] IS NULL OR v.district_code = ANY (%(district)s::text[]))
  AND (%(q)s::text IS NULL OR e.institution_id ILIKE %(q)s OR v.name ILIKE %(q)s
       OR v.name_en ILIKE %(q)s)
ORDER BY e.institution_id
LIMIT %(limit)s

-- name: gateways
-- include: gateway_rows.now
  AND (%(after)s::text IS NULL OR e.gateway_id > %(after)s)
ORDER BY e.gateway_id
LIMIT %(limit)s

-- name: worst_gateways
SELECT * FROM (
    -- include: gateway_rows.now
) w
WHERE %(after)s::text IS NULL OR (w.rank, w.gateway_id) > (%(after_rank)s::integer, %(after)s)
ORDER BY w.rank, w.gateway_id
LIMIT %(limit)s

-- name: gateway_counts
SELECT us(now()), count(*), count(*) FILTER (WHERE w.online), count(*) FILTER (WHERE w.online IS NULL),
       us(max(w.last_received_at)), min(w.skew_us), max(w.skew_us)
FROM (
    -- include: gateway_rows.now
) w

-- name: districts
SELECT d.district_code, d.name, d.name_en, d.seat_lon, d.seat_lat, coalesce(c.instruments, 0)
FROM district d
LEFT JOIN (
    SELECT i.district_code, count(*) AS instruments FROM instrument_version i
    WHERE i.force_from <= now() AND i.force_to > now()
      AND (%(tenant)s::integer IS NULL OR i.institution_key = %(tenant)s)
      AND coalesce(i.acquired_on <= %(today)s, true) AND coalesce(i.retired_on > %(today)s, true)
    GROUP BY i.district_code
) c USING (district_code)
WHERE %(after)s::text IS NULL OR d.district_code > %(after)s
ORDER BY d.district_code
LIMIT %(limit)s

-- name: classes
-- A major class counts the instruments of its middle classes too.
WITH counted AS (
    SELECT i.class_scheme, i.class_code, count(*) AS instruments FROM instrument_version i
    WHERE i.force_from <= now() AND i.force_to > now()
      AND (%(tenant)s::integer IS NULL OR i.institution_key = %(tenant)s)
      AND coalesce(i.acquired_on <= %(today)s, true) AND coalesce(i.retired_on > %(today)s, true)
    GROUP BY i.class_scheme, i.class_code
), upward AS (
    SELECT class_scheme, class_code, instruments FROM counted
    UNION ALL
    SELECT n.class_scheme, m.parent_code, n.instruments
    FROM counted n JOIN instrument_class m USING (class_scheme, class_code)
    WHERE m.parent_code IS NOT NULL
), summed AS (
    SELECT class_scheme, class_code, sum(instruments)::bigint AS instruments
    FROM upward GROUP BY class_scheme, class_code
)
SELECT c.class_scheme, c.class_code, c.name, c.name_en, c.parent_code,
       coalesce(s.instruments, 0)
FROM instrument_class c LEFT JOIN summed s USING (class_scheme, class_code)
WHERE (%(scheme)s::text[] IS NULL OR c.class_scheme = ANY (%(scheme)s::text[]))
  AND (%(parent)s::text[] IS NULL OR c.parent_code = ANY (%(parent)s::text[]))
  AND (%(after_scheme)s::text IS NULL
       OR (c.class_scheme, c.class_code) > (%(after_scheme)s, %(after_code)s))
ORDER BY c.class_scheme, c.class_code
LIMIT %(limit)s
