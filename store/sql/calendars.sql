-- Public holidays and make-up workdays. Read and written by calendars.py.

-- name: calendars
SELECT calendar, count(*), min(day), max(day), count(*) FILTER (WHERE NOT confirmed)
FROM calendar_day GROUP BY calendar ORDER BY calendar

-- name: list
SELECT calendar, day, kind, name, as_weekday, confirmed, source
FROM calendar_day
WHERE calendar = %(calendar)s
  AND (%(year)s::integer[] IS NULL OR extract(year FROM day)::integer = ANY (%(year)s::integer[]))
  AND (%(after)s::date IS NULL OR day > %(after)s)
ORDER BY day
LIMIT %(limit)s

-- name: find
SELECT calendar, day, kind, name, as_weekday, confirmed, source
FROM calendar_day WHERE calendar = %(calendar)s AND day = %(day)s

-- name: days
SELECT day, kind, as_weekday FROM calendar_day
WHERE calendar = %(calendar)s AND day = ANY (%(days)s::date[])

-- name: following
-- By the registry in force: an instrument's own hours, else its institution's.
SELECT count(*)
FROM instrument_version v
LEFT JOIN institution_version n ON n.institution_key = v.institution_key
    AND n.force_from <= %(now)s AND n.force_to > %(now)s
CROSS JOIN LATERAL (SELECT coalesce(v.opening_hours, n.opening_hours) AS hours) h
WHERE v.force_from <= %(now)s AND v.force_to > %(now)s
  AND coalesce(v.acquired_on <= (%(now)s::timestamptz AT TIME ZONE v.timezone)::date, true)
  AND coalesce(v.retired_on > (%(now)s::timestamptz AT TIME ZONE v.timezone)::date, true)
  AND h.hours IS NOT NULL AND h.hours->>'holidays' IS DISTINCT FROM 'as_weekday'

-- name: lock
-- Two writers of one day, neither of which need find a row, must not interleave.
SELECT pg_advisory_xact_lock(hashtextextended('calendar_day/' || %(calendar)s || '/' || %(day)s, 0))

-- name: put
INSERT INTO calendar_day (calendar, day, kind, name, as_weekday, confirmed, source)
VALUES (%(calendar)s, %(day)s, %(kind)s, %(name)s, %(as_weekday)s, %(confirmed)s, 'operator')
ON CONFLICT (calendar, day) DO UPDATE SET kind = EXCLUDED.kind, name = EXCLUDED.name,
    as_weekday = EXCLUDED.as_weekday, confirmed = EXCLUDED.confirmed, source = EXCLUDED.source

-- name: delete
DELETE FROM calendar_day WHERE calendar = %(calendar)s AND day = %(day)s

-- name: forget
-- A local day anywhere on Earth lies within 14 hours before and 36 hours after midnight UTC;
-- hours that pass midnight reach a day further. Only instruments that had opening hours, then
-- or since, have figures that a calendar changes.
WITH hit AS (
    SELECT DISTINCT v.instrument_key
    FROM instrument_version v
    WHERE v.opening_hours IS NOT NULL OR EXISTS (
        SELECT FROM institution_version n
        WHERE n.institution_key = v.institution_key AND n.opening_hours IS NOT NULL)
), span AS (
    SELECT (%(day)s::date)::timestamp AT TIME ZONE 'UTC' - interval '14 hours' AS starts_at,
           least((%(day)s::date)::timestamp AT TIME ZONE 'UTC' + interval '60 hours', now()) AS ends_at
)
SELECT rollup_forget(array_agg(instrument_key ORDER BY instrument_key),
                     array_agg(starts_at), array_agg(ends_at))
FROM hit, span
WHERE starts_at < ends_at
HAVING count(*) > 0
