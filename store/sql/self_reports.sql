-- Hours that institutions report themselves; read and written by store/figures/self_reports.py.

-- name: write
INSERT INTO self_report AS r (instrument_key, starts_at, ends_at, user_type, hours_us, actor)
SELECT i, s, e, u, h, %(actor)s
FROM unnest(%(instruments)s::int[], %(starts)s::timestamptz[], %(ends)s::timestamptz[],
            %(types)s::text[], %(hours)s::bigint[]) AS t (i, s, e, u, h)
ON CONFLICT (instrument_key, starts_at, ends_at, user_type)
DO UPDATE SET hours_us = EXCLUDED.hours_us, actor = EXCLUDED.actor, reported_at = now()
WHERE r.hours_us <> EXCLUDED.hours_us
RETURNING xmax = 0

-- name: list
SELECT r.self_report_key, i.instrument_id, n.institution_id, us(r.starts_at), us(r.ends_at),
       r.user_type, r.hours_us, r.actor, us(r.reported_at), r.answer, r.answered_by,
       us(r.answered_at), r.instrument_key,
       -- All reports of its window count together, on whichever page they are.
       w.hours_us, w.reports, w.effective_us, w.unknown_us,
       -- include: period_reports.holds
FROM self_report r JOIN instrument i USING (instrument_key)
JOIN reported_window w ON (w.instrument_key, w.starts_at, w.ends_at)
                        = (r.instrument_key, r.starts_at, r.ends_at)
CROSS JOIN LATERAL (SELECT coalesce(abs(w.hours_us - w.effective_us), -1)) AS apart (us)
JOIN instrument_version v ON v.instrument_key = r.instrument_key
     AND v.force_from <= now() AND v.force_to > now()
JOIN institution n ON n.institution_key = v.institution_key
JOIN gateway g ON g.gateway_key = v.gateway_key
LEFT JOIN institution_version nv ON nv.institution_key = v.institution_key
     AND nv.force_from <= now() AND nv.force_to > now()
WHERE r.starts_at >= %(start)s AND r.ends_at <= %(end)s
  AND (%(after)s::bigint IS NULL
       OR (%(worst)s::boolean AND apart.us < %(after_us)s::bigint)
       OR ((NOT %(worst)s::boolean OR apart.us = %(after_us)s::bigint)
           AND r.self_report_key > %(after)s::bigint))
  AND
  -- include: filters.meant
ORDER BY CASE WHEN %(worst)s::boolean THEN -apart.us END, r.self_report_key
LIMIT %(limit)s

-- name: told
-- What was reported of windows within one, seven numbers each, packed.
SELECT string_agg(int8send(instrument_key) || int8send(us(starts_at)) || int8send(us(ends_at))
                  || int8send(reports) || int8send(hours_us) || int8send(coalesce(effective_us, -1))
                  || int8send(coalesce(unknown_us, -1)), '')
FROM reported_window
WHERE starts_at >= %(start)s AND ends_at <= %(end)s

-- name: answer
-- In a closed period an answer is added, and the one that its closing found stays.
WITH own AS (
    SELECT r.self_report_key,
       -- include: period_reports.holds
           AS is_closed
    FROM self_report r
    JOIN instrument_version v ON v.instrument_key = r.instrument_key
         AND v.force_from <= now() AND v.force_to > now()
    WHERE r.self_report_key = %(key)s
      AND (%(tenant)s::integer IS NULL OR v.institution_key = %(tenant)s::integer)
), amended AS (
    INSERT INTO self_report_answer_amendment (self_report_key, text, actor)
    SELECT self_report_key, %(text)s, %(actor)s FROM own WHERE is_closed
), answered AS (
    UPDATE self_report r SET answer = %(text)s, answered_by = %(actor)s, answered_at = now()
    FROM own WHERE r.self_report_key = own.self_report_key AND NOT own.is_closed
)
SELECT self_report_key FROM own

-- name: amendments
SELECT self_report_key, text, actor, us(answered_at) FROM self_report_answer_amendment
WHERE self_report_key = ANY (%(keys)s::bigint[]) ORDER BY amendment_id

-- name: answered
SELECT answer FROM self_report WHERE self_report_key = %(key)s
