-- What people say of uses of instruments; read and written by store/reports/annotations.py.
-- Where `tenant` is given, the instrument must be that institution's now.

-- name: within
-- Of instruments, those at an instant of a window.
SELECT instrument_key,
-- include: report_columns.annotation
FROM annotation
WHERE instrument_key = ANY (%(keys)s::int[]) AND at >= %(start)s AND at < %(end)s
ORDER BY instrument_key, at, annotation_id

-- name: list
-- Of one instrument, with persons where those may be shown; or one by its id.
SELECT
-- include: report_columns.annotation
       , i.instrument_id, n.institution_id, a.reference, a.actor, us(a.created_at),
       us(a.changed_at), p.operator_ref, p.name, p.phone, p.email
FROM annotation a
JOIN instrument i USING (instrument_key)
JOIN instrument_version v ON v.instrument_key = a.instrument_key
     AND v.force_from <= now() AND v.force_to > now()
JOIN institution n USING (institution_key)
LEFT JOIN annotation_person p USING (annotation_id)
WHERE (%(key)s::int IS NULL OR a.instrument_key = %(key)s::int)
  AND (%(id)s::bigint IS NULL OR annotation_id = %(id)s::bigint)
  AND (%(tenant)s::int IS NULL OR v.institution_key = %(tenant)s::int)
  AND (%(start)s::timestamptz IS NULL OR at >= %(start)s)
  AND (%(end)s::timestamptz IS NULL OR at < %(end)s)
  AND (%(after_at)s::timestamptz IS NULL OR (at, annotation_id) > (%(after_at)s, %(after_id)s))
ORDER BY at, annotation_id
LIMIT %(limit)s

-- name: lock
SELECT FROM annotation WHERE annotation_id = %(id)s FOR UPDATE

-- name: write
-- A row with a reference that stands there says it anew; one that says the same changes nothing.
INSERT INTO annotation AS a (instrument_key, at, purpose, user_type, user_unit, direction, content,
                             amount_cny, samples, more, reference, actor)
SELECT instrument_key, from_us(at_us), purpose, user_type,
       user_unit, direction, content, amount_cny, samples, more, reference, %(actor)s
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    instrument_key int, at_us bigint, purpose text, user_type text, user_unit text, direction text,
    content text, amount_cny numeric, samples int, more jsonb, reference text)
ON CONFLICT (instrument_key, reference) WHERE reference IS NOT NULL
DO UPDATE SET at = EXCLUDED.at, purpose = EXCLUDED.purpose, user_type = EXCLUDED.user_type,
    user_unit = EXCLUDED.user_unit, direction = EXCLUDED.direction, content = EXCLUDED.content,
    amount_cny = EXCLUDED.amount_cny, samples = EXCLUDED.samples, more = EXCLUDED.more,
    actor = EXCLUDED.actor, changed_at = now()
WHERE (a.at, a.purpose, a.user_type, a.user_unit, a.direction, a.content, a.amount_cny, a.samples,
       a.more)
      IS DISTINCT FROM (EXCLUDED.at, EXCLUDED.purpose, EXCLUDED.user_type, EXCLUDED.user_unit,
                        EXCLUDED.direction, EXCLUDED.content, EXCLUDED.amount_cny,
                        EXCLUDED.samples, EXCLUDED.more)
RETURNING annotation_id, xmax = 0

-- name: update
UPDATE annotation SET at = %(at)s, purpose = %(purpose)s, user_type = %(user_type)s,
       user_unit = %(user_unit)s, direction = %(direction)s, content = %(content)s,
       amount_cny = %(amount_cny)s, samples = %(samples)s, more = %(more)s::jsonb,
       actor = %(actor)s, changed_at = now()
WHERE annotation_id = %(id)s

-- name: delete
DELETE FROM annotation WHERE annotation_id = %(id)s

-- name: ids
SELECT instrument_key, reference, annotation_id
FROM annotation JOIN unnest(%(keys)s::int[], %(references)s::text[]) AS r (instrument_key, reference)
     USING (instrument_key, reference)

-- name: put_persons
INSERT INTO annotation_person AS p (annotation_id, operator_ref, name, phone, email)
SELECT * FROM unnest(%(ids)s::bigint[], %(operators)s::text[], %(names)s::text[],
                     %(phones)s::text[], %(emails)s::text[])
ON CONFLICT (annotation_id) DO UPDATE SET operator_ref = EXCLUDED.operator_ref,
    name = EXCLUDED.name, phone = EXCLUDED.phone, email = EXCLUDED.email
WHERE (p.operator_ref, p.name, p.phone, p.email)
      IS DISTINCT FROM (EXCLUDED.operator_ref, EXCLUDED.name, EXCLUDED.phone, EXCLUDED.email)
RETURNING annotation_id

-- name: erase_persons
DELETE FROM annotation_person WHERE annotation_id = ANY (%(ids)s::bigint[]) RETURNING annotation_id

-- name: erase_person
-- Wherever they are named, by whatever of the two is given; in all of one institution's or the city's.
DELETE FROM annotation_person p
USING annotation a, instrument_version v
WHERE a.annotation_id = p.annotation_id AND v.instrument_key = a.instrument_key
  AND v.force_from <= now() AND v.force_to > now()
  AND (%(tenant)s::int IS NULL OR v.institution_key = %(tenant)s::int)
  AND (%(operator_ref)s::text IS NULL OR p.operator_ref = %(operator_ref)s::text)
  AND (%(email)s::text IS NULL OR lower(p.email) = lower(%(email)s::text))
  AND coalesce(%(operator_ref)s::text, %(email)s::text) IS NOT NULL
RETURNING p.annotation_id

-- name: persons
SELECT annotation_id, operator_ref, name, phone, email FROM annotation_person
WHERE annotation_id = ANY (%(ids)s::bigint[])
