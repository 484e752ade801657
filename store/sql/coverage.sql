-- Coverage of sensors: the registry as a history, and who was heard when; read by figures/coverage.py.

-- name: stretches
-- What the registry says, with its institution's and its gateway's version of the same time.
SELECT v.instrument_key, CASE WHEN isfinite(t.since) THEN us(t.since) END,
       CASE WHEN isfinite(t.until) THEN us(t.until) END,
       us(min(v.valid_from) OVER (PARTITION BY v.instrument_key)),
       n.institution_id, coalesce(v.district_code, nv.district_code), v.class_code, g.gateway_id,
       v.kind, v.institution_key, v.gateway_key, v.always_on, v.source IS NOT NULL,
       v.planned_on, v.accepted_on, v.acquired_on, v.retired_on, gv.retired_on
FROM instrument_version v
JOIN institution n ON n.institution_key = v.institution_key
JOIN gateway g ON g.gateway_key = v.gateway_key
LEFT JOIN institution_version nv ON nv.institution_key = v.institution_key
     AND nv.force_from < v.force_to AND nv.force_to > v.force_from
LEFT JOIN gateway_version gv ON gv.gateway_key = v.gateway_key
     AND gv.force_from < v.force_to AND gv.force_to > v.force_from
CROSS JOIN LATERAL (
    SELECT greatest(v.force_from, nv.force_from, gv.force_from) AS since,
           least(v.force_to, nv.force_to, gv.force_to) AS until) t
WHERE t.since < t.until
ORDER BY v.instrument_key

-- name: spoken
-- Whoever was ever heard: key, first and newest heartbeat's time, as 64-bit integers.
SELECT string_agg(int8send(instrument_key) || int8send(us(first_at))
                  || int8send(us(coalesce(newest_at, first_at))), ''::bytea)
FROM instrument_status WHERE first_at IS NOT NULL

-- name: reach
SELECT chunk, through FROM rollup_total_reach

-- name: months
SELECT month, chunk, days FROM heard_month WHERE month >= %(first)s AND month <= %(last)s

-- name: unsure
-- Days that changed after the totals took them in.
SELECT instrument_key, day FROM rollup_total_stale WHERE day >= %(first)s AND day <= %(last)s
UNION
SELECT t.instrument_key, t.day FROM rollup_todo t
JOIN rollup_total_reach r ON r.chunk = t.instrument_key >> 10
WHERE t.day >= %(first)s AND t.day <= %(last)s AND t.day < r.through

-- name: known_days
-- Days of some instruments that have known time, by their segments and the open one. No piece is
-- longer than the hour that it lies in, but the open one is as long as its heartbeat is held.
SELECT DISTINCT p.instrument_key, d::date
FROM (
    SELECT instrument_key, starts_at, ends_at FROM segment
    WHERE instrument_key = ANY (%(keys)s::integer[])
      AND starts_at >= %(start)s::timestamptz - interval '1 hour' AND starts_at < %(end)s
      AND ends_at > %(start)s
    UNION ALL
    SELECT instrument_key, piece_from, least(credit_until, now()) FROM instrument_status
    WHERE instrument_key = ANY (%(keys)s::integer[]) AND state IS NOT NULL
      AND piece_from < least(credit_until, now())
) p
CROSS JOIN LATERAL generate_series((p.starts_at AT TIME ZONE %(zone)s)::date,
    ((p.ends_at - interval '1 microsecond') AT TIME ZONE %(zone)s)::date, interval '1 day') d
WHERE d >= %(first)s AND d <= %(last)s

-- name: targets
SELECT from_day, share, actor, us(changed_at) FROM coverage_target ORDER BY from_day

-- name: put_target
INSERT INTO coverage_target (from_day, share, actor) VALUES (%(from_day)s, %(share)s, %(actor)s)
ON CONFLICT (from_day) DO UPDATE SET share = EXCLUDED.share, actor = EXCLUDED.actor, changed_at = now()

-- name: drop_target
DELETE FROM coverage_target WHERE from_day = %(from_day)s RETURNING share
