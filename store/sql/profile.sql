-- Known time by hour of the local week; read by profile.py.

-- name: hours
-- Pieces end at full UTC hours, so each lies within two local hours at most: it is cut where
-- the local clock strikes. The open piece may last longer and is cut at UTC hours first. Where no
-- zone is asked for, each version's holds for its time (rule 15).
WITH member AS (
    SELECT u.key, coalesce(%(zone)s::text, v.timezone) AS zone,
           greatest(u.since, v.force_from) AS since, least(u.until, v.force_to) AS until
    FROM unnest(%(keys)s::integer[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
         AS u (key, since, until)
    JOIN instrument_version v ON v.instrument_key = u.key
         AND v.force_from < u.until AND v.force_to > u.since
), piece AS (
    SELECT m.key, m.zone, p.state, greatest(p.starts_at, m.since) AS since,
           least(p.ends_at, m.until) AS until
    FROM member m JOIN segment p ON p.instrument_key = m.key
    WHERE p.starts_at >= %(start)s::timestamptz - interval '1 hour' AND p.starts_at < %(end)s
      AND p.starts_at < m.until AND p.ends_at > m.since
    UNION ALL
    SELECT m.key, m.zone, s.state, greatest(s.piece_from, m.since, h),
           least(s.credit_until, m.until, h + interval '1 hour')
    FROM member m JOIN instrument_status s ON s.instrument_key = m.key
    CROSS JOIN LATERAL generate_series(
        date_trunc('hour', greatest(s.piece_from, m.since), 'UTC'),
        least(s.credit_until, m.until), interval '1 hour') AS h
    WHERE s.piece_from < m.until AND s.credit_until > m.since
), cut AS (
    SELECT key, zone, state, since, until,
           since + (interval '1 hour'
                    - ((since AT TIME ZONE zone) - date_trunc('hour', since AT TIME ZONE zone)))
           AS strikes
    FROM piece WHERE since < until
), part AS (
    SELECT key, zone, state, since, least(until, strikes) AS until FROM cut
    UNION ALL
    SELECT key, zone, state, strikes, until FROM cut WHERE strikes < until
)
SELECT CASE WHEN %(each)s::boolean THEN key END, extract(isodow FROM since AT TIME ZONE zone)::int,
       extract(hour FROM since AT TIME ZONE zone)::int,
       coalesce(sum(us(until) - us(since)) FILTER (WHERE state = 2), 0)::text,
       coalesce(sum(us(until) - us(since)) FILTER (WHERE state = 1), 0)::text,
       coalesce(sum(us(until) - us(since)) FILTER (WHERE state = 0), 0)::text
FROM part
GROUP BY 1, 2, 3
