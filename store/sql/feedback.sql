-- What users say of measured uses; read and written by store/lifecycle/feedback.py.

-- name: lock
-- Whoever says something of an instrument is alone with it: once a user reference and session.
SELECT FROM instrument WHERE instrument_key = %(key)s FOR NO KEY UPDATE

-- name: said
-- By the same reference of the same session.
SELECT f.feedback_id FROM feedback f JOIN feedback_person p USING (feedback_id)
WHERE f.instrument_key = %(key)s AND p.reference = %(reference)s
  AND f.at >= %(start)s AND f.at < %(end)s
ORDER BY f.feedback_id LIMIT 1

-- name: down_at
SELECT maintenance_id FROM maintenance
WHERE instrument_key = %(key)s AND kind = 'down' AND starts_at <= %(at)s AND ends_at > %(at)s
ORDER BY starts_at, maintenance_id LIMIT 1

-- name: write
INSERT INTO feedback (instrument_key, at, overall, attitude, skill, quality, timeliness, price, fault,
                      text, maintenance_id, actor)
VALUES (%(key)s, %(at)s, %(overall)s, %(attitude)s, %(skill)s, %(quality)s, %(timeliness)s,
        %(price)s, %(fault)s, %(text)s, %(maintenance)s, %(actor)s)
RETURNING feedback_id

-- name: write_person
INSERT INTO feedback_person (feedback_id, reference) VALUES (%(id)s, %(reference)s)

-- name: erase
DELETE FROM feedback_person WHERE feedback_id = %(id)s

-- name: erase_person
-- Wherever they are named; in all of one institution's or the city's.
DELETE FROM feedback_person p
USING feedback f, instrument_version v
WHERE f.feedback_id = p.feedback_id AND v.instrument_key = f.instrument_key
  AND v.force_from <= now() AND v.force_to > now()
  AND (%(tenant)s::int IS NULL OR v.institution_key = %(tenant)s::int)
  AND p.reference = %(reference)s
RETURNING p.feedback_id

-- name: list
-- Of one instrument, or one by its id.
SELECT f.feedback_id, i.instrument_id, n.institution_id, us(f.at), f.overall, f.attitude, f.skill,
       f.quality, f.timeliness, f.price, f.fault, f.text, f.maintenance_id, p.reference, f.actor,
       us(f.created_at)
FROM feedback f JOIN instrument i USING (instrument_key)
JOIN instrument_version v ON v.instrument_key = f.instrument_key
     AND v.force_from <= now() AND v.force_to > now()
JOIN institution n USING (institution_key)
LEFT JOIN feedback_person p USING (feedback_id)
WHERE (%(id)s::bigint IS NULL OR f.feedback_id = %(id)s::bigint)
  AND (%(key)s::int IS NULL OR f.instrument_key = %(key)s::int)
  AND (%(tenant)s::int IS NULL OR v.institution_key = %(tenant)s::int)
  AND (%(start)s::timestamptz IS NULL OR f.at >= %(start)s)
  AND (%(end)s::timestamptz IS NULL OR f.at < %(end)s)
  AND (%(after_at)s::timestamptz IS NULL OR (f.at, f.feedback_id) > (%(after_at)s, %(after_id)s))
ORDER BY f.at, f.feedback_id
LIMIT %(limit)s

-- name: sums
-- By group: how many said each grade, and sums and numbers of what was marked.
SELECT CASE %(group_by)s::text
            WHEN 'institution' THEN n.institution_id
            WHEN 'district' THEN coalesce(v.district_code, nv.district_code)
            WHEN 'class' THEN v.class_code
            WHEN 'class_major' THEN left(v.class_code, 2) || '0000'
            WHEN 'gateway' THEN g.gateway_id
            WHEN 'instrument' THEN i.instrument_id
            WHEN 'kind' THEN v.kind END AS key,
       count(*), count(*) FILTER (WHERE f.fault),
       count(*) FILTER (WHERE f.overall = 1), count(*) FILTER (WHERE f.overall = 2),
       count(*) FILTER (WHERE f.overall = 3), count(*) FILTER (WHERE f.overall = 4),
       count(*) FILTER (WHERE f.overall = 5),
       count(f.attitude), sum(f.attitude), count(f.skill), sum(f.skill),
       count(f.quality), sum(f.quality), count(f.timeliness), sum(f.timeliness),
       count(f.price), sum(f.price)
FROM feedback f JOIN instrument i USING (instrument_key)
JOIN instrument_version v ON v.instrument_key = f.instrument_key
     AND v.force_from <= now() AND v.force_to > now()
JOIN institution n ON n.institution_key = v.institution_key
JOIN gateway g ON g.gateway_key = v.gateway_key
LEFT JOIN institution_version nv ON nv.institution_key = v.institution_key
     AND nv.force_from <= now() AND nv.force_to > now()
WHERE f.at >= %(start)s AND f.at < %(end)s
  AND
  -- include: filters.meant
GROUP BY 1 ORDER BY 1 NULLS LAST
