-- Evaluations of closed periods: what goes into them, what they made of it, and what institutions
-- say of that. Read and written by store/evaluation.

-- name: inputs
-- What a closed period keeps of each instrument. Where nothing is confirmed of one, the period was
-- closed before anything was.
SELECT s.instrument_id, s.institution_id, s.subject ->> 'name', s.subject ->> 'institution_name',
       s.subject ->> 'value_cny', c.window_us, c.rated_us, c.external_us, c.running_us, c.unused_us,
       c.effective_us, c.effective_external_us, u.effective_us,
       u.running_us + u.idle_us + u.off_us, v.fields
FROM period_subject s
LEFT JOIN period_confirmed c USING (period_id, instrument_key)
LEFT JOIN period_usage u USING (period_id, instrument_key)
LEFT JOIN period_value v USING (period_id, instrument_key)
WHERE s.period_id = %(period)s ORDER BY s.instrument_id

-- name: add
INSERT INTO evaluation (scheme, scheme_version, subject, period_ids, starts_at, ends_at, timezone,
                        subjects, ranked, made_by, document)
VALUES (%(scheme)s, %(version)s, %(subject)s, %(periods)s, %(start)s, %(end)s, %(timezone)s,
        %(subjects)s, %(ranked)s, %(actor)s, %(document)s)
RETURNING evaluation_id, us(made_at)

-- name: add_subjects
INSERT INTO evaluation_subject
    (evaluation_id, place, subject_id, institution_id, name, inputs, result)
SELECT %(evaluation)s, %(first)s + t.place - 1, t.subject_id, t.institution_id, t.name,
       t.inputs::json, t.result::json
FROM unnest(%(subjects)s::text[], %(institutions)s::text[], %(names)s::text[], %(inputs)s::text[],
            %(results)s::text[])
     WITH ORDINALITY AS t (subject_id, institution_id, name, inputs, result, place)

-- name: add_file
INSERT INTO evaluation_file (evaluation_id, name, bytes)
VALUES (%(evaluation)s, %(name)s, %(bytes)b)

-- name: files
SELECT name, bytes FROM evaluation_file WHERE evaluation_id = %(evaluation)s ORDER BY name

-- name: list
-- An institution sees those in which it is judged.
SELECT e.evaluation_id, e.scheme, e.scheme_version, e.subject, e.period_ids, us(e.starts_at),
       us(e.ends_at), e.timezone, e.subjects, e.ranked, us(e.made_at), e.made_by, o.made, o.open
FROM evaluation e
CROSS JOIN LATERAL (
    SELECT count(*) AS made, count(*) FILTER (WHERE answer IS NULL) AS open
    FROM evaluation_objection o
    WHERE o.evaluation_id = e.evaluation_id
      AND (%(tenant)s::text IS NULL OR o.institution_id = %(tenant)s)
) o
WHERE (%(id)s::bigint IS NULL OR e.evaluation_id = %(id)s)
  AND (%(before)s::bigint IS NULL OR e.evaluation_id < %(before)s)
  AND (%(tenant)s::text IS NULL OR EXISTS (
      SELECT FROM evaluation_subject s
      WHERE s.evaluation_id = e.evaluation_id AND s.institution_id = %(tenant)s))
ORDER BY e.evaluation_id DESC
LIMIT %(limit)s

-- name: document
SELECT document FROM evaluation WHERE evaluation_id = %(evaluation)s

-- name: subjects
SELECT place, subject_id, institution_id, name, inputs::text, result::text
FROM evaluation_subject
WHERE evaluation_id = %(evaluation)s AND place > %(after)s
  AND (%(tenant)s::text IS NULL OR institution_id = %(tenant)s)
  AND (%(institution)s::text[] IS NULL OR institution_id = ANY (%(institution)s::text[]))
  AND (%(subjects)s::text[] IS NULL OR subject_id = ANY (%(subjects)s::text[]))
ORDER BY place LIMIT %(limit)s

-- name: object
INSERT INTO evaluation_objection (evaluation_id, subject_id, institution_id, text, made_by)
SELECT %(evaluation)s, s.subject_id, s.institution_id, %(text)s, %(actor)s
FROM evaluation_subject s
WHERE s.evaluation_id = %(evaluation)s AND s.subject_id = %(subject)s
  AND (%(tenant)s::text IS NULL OR s.institution_id = %(tenant)s)
RETURNING objection_id

-- name: answer
UPDATE evaluation_objection SET answer = %(text)s, answered_at = now(), answered_by = %(actor)s
WHERE evaluation_id = %(evaluation)s AND objection_id = %(objection)s AND answer IS NULL

-- name: objections
SELECT objection_id, evaluation_id, subject_id, institution_id, text, us(made_at), made_by, answer,
       us(answered_at), answered_by
FROM evaluation_objection
WHERE evaluation_id = %(evaluation)s AND objection_id > %(after)s
  AND (%(tenant)s::text IS NULL OR institution_id = %(tenant)s)
  AND (%(objection)s::bigint IS NULL OR objection_id = %(objection)s)
  AND (%(subjects)s::text[] IS NULL OR subject_id = ANY (%(subjects)s::text[]))
ORDER BY objection_id LIMIT %(limit)s
