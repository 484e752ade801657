-- Maintenance plans and when they were done; read and written by store/lifecycle/maintenance_plans.py.
-- Where `tenant` is given, the instrument must be that institution's now.

-- name: create
INSERT INTO maintenance_plan (instrument_key, name, every_running_us, every_days, starts_at)
VALUES (%(key)s, %(name)s, %(every_running_us)s, %(every_days)s,
        coalesce(%(starts_at)s::timestamptz, now()))
RETURNING plan_id

-- name: lock
SELECT FROM maintenance_plan WHERE plan_id = %(id)s FOR UPDATE

-- name: list
-- With when each was done the last time.
SELECT p.plan_id, p.instrument_key, i.instrument_id, v.institution_key, n.institution_id, p.name,
       p.every_running_us, p.every_days, us(p.starts_at), us(p.ended_at), us(p.created_at), us(r.at), r.reason
FROM maintenance_plan p JOIN instrument i USING (instrument_key)
JOIN instrument_version v ON v.instrument_key = p.instrument_key
     AND v.force_from <= now() AND v.force_to > now()
JOIN institution n ON n.institution_key = v.institution_key
LEFT JOIN LATERAL (SELECT at, reason FROM maintenance_reset WHERE plan_id = p.plan_id
                   ORDER BY at DESC, reset_id DESC LIMIT 1) r ON true
WHERE (%(id)s::bigint IS NULL OR p.plan_id = %(id)s) AND p.plan_id > %(after)s
  AND (%(tenant)s::integer IS NULL OR v.institution_key = %(tenant)s)
  AND (%(instrument_id)s::text[] IS NULL OR i.instrument_id = ANY (%(instrument_id)s::text[]))
ORDER BY p.plan_id
LIMIT %(limit)s

-- name: meant
-- Those that stand, of the instruments that are meant and not retired.
SELECT p.plan_id, p.instrument_key, i.instrument_id, v.institution_key, n.institution_id, p.name,
       p.every_running_us, p.every_days, us(p.starts_at), us(p.ended_at), us(p.created_at), us(r.at), r.reason
FROM maintenance_plan p JOIN instrument i USING (instrument_key)
JOIN instrument_version v ON v.instrument_key = p.instrument_key
     AND v.force_from <= now() AND v.force_to > now()
JOIN institution n ON n.institution_key = v.institution_key
JOIN gateway g ON g.gateway_key = v.gateway_key
LEFT JOIN institution_version nv ON nv.institution_key = v.institution_key
     AND nv.force_from <= now() AND nv.force_to > now()
LEFT JOIN LATERAL (SELECT at, reason FROM maintenance_reset WHERE plan_id = p.plan_id
                   ORDER BY at DESC, reset_id DESC LIMIT 1) r ON true
WHERE p.ended_at IS NULL AND p.plan_id > %(after)s
  AND (%(instrument)s::text[] IS NULL OR i.instrument_id = ANY (%(instrument)s::text[]))
  AND (v.retired_on IS NULL OR v.retired_on::timestamp AT TIME ZONE v.timezone > now())
  AND
  -- include: filters.meant
ORDER BY p.plan_id
LIMIT %(limit)s

-- name: update
UPDATE maintenance_plan SET instrument_key = %(key)s, name = %(name)s,
       every_running_us = %(every_running_us)s, every_days = %(every_days)s,
       starts_at = coalesce(%(starts_at)s::timestamptz, starts_at)
WHERE plan_id = %(id)s

-- name: end
UPDATE maintenance_plan SET ended_at = now() WHERE plan_id = %(id)s AND ended_at IS NULL

-- name: reset
INSERT INTO maintenance_reset (plan_id, at, reason, actor)
SELECT %(id)s, coalesce(%(at)s::timestamptz, now()), %(reason)s, %(actor)s
FROM maintenance_plan p
WHERE p.plan_id = %(id)s AND coalesce(%(at)s::timestamptz, now()) BETWEEN p.starts_at AND now()
RETURNING reset_id

-- name: resets
SELECT reset_id, us(at), reason, actor, us(created_at) FROM maintenance_reset
WHERE plan_id = %(id)s ORDER BY at DESC, reset_id DESC

-- name: zones
-- Each one's in force at its base, in their order; before the first version, the first.
SELECT (SELECT v.timezone FROM instrument_version v
        WHERE v.instrument_key = a.key AND v.force_to > from_us(a.base_us)
        ORDER BY v.force_from LIMIT 1)
FROM unnest(%(keys)s::integer[], %(bases)s::bigint[]) WITH ORDINALITY AS a (key, base_us, n)
ORDER BY a.n

-- name: counted_days
-- Of days from each of `firsts` on, how many are rolled up, the last of them, and what ran and is
-- known in them.
SELECT a.n::integer - 1, count(*), max(r.day), sum(r.running_us)::bigint,
       sum(r.running_us + r.idle_us + r.off_us)::bigint
FROM unnest(%(keys)s::integer[], %(firsts)s::date[]) WITH ORDINALITY AS a (key, first_day, n)
JOIN rollup_day r ON r.instrument_key = a.key AND r.day >= a.first_day AND r.day < %(end)s
GROUP BY a.n

-- name: counted_within
-- What ran and is known of windows, in closed segments. None is longer than the hour that it lies
-- in.
SELECT a.n::integer - 1, coalesce(sum(l.us) FILTER (WHERE s.state = %(running)s), 0)::bigint,
       sum(l.us)::bigint
FROM (SELECT key, n, from_us(start_us) AS start, from_us(until_us) AS until
      FROM unnest(%(keys)s::integer[], %(starts)s::bigint[], %(ends)s::bigint[])
               WITH ORDINALITY AS w (key, start_us, until_us, n)
      OFFSET 0) AS a  -- else the times are made anew for each segment
JOIN segment s ON s.instrument_key = a.key
     AND s.starts_at >= a.start - interval '1 hour' AND s.starts_at < a.until AND s.ends_at > a.start
     AND s.starts_at >= %(start)s::timestamptz - interval '1 hour' AND s.starts_at < %(end)s
CROSS JOIN LATERAL (SELECT us(least(s.ends_at, a.until)) - us(greatest(s.starts_at, a.start))) AS l (us)
GROUP BY a.n

-- name: reached_within
-- When closed segments of windows had run for what is wanted, null of those that had not; and how
-- long they ran altogether.
SELECT n::integer - 1,
       (min(since + wanted - before) FILTER (WHERE through >= wanted AND before < wanted))::bigint,
       max(through)::bigint
FROM (
    SELECT a.n, a.wanted, l.since, sum(l.us) OVER runs - l.us AS before, sum(l.us) OVER runs AS through
    FROM (SELECT key, n, wanted, from_us(start_us) AS start, from_us(until_us) AS until
          FROM unnest(%(keys)s::integer[], %(starts)s::bigint[], %(ends)s::bigint[], %(wanted)s::bigint[])
                   WITH ORDINALITY AS w (key, start_us, until_us, wanted, n)
          OFFSET 0) AS a
    JOIN segment s ON s.instrument_key = a.key AND s.state = %(running)s
         AND s.starts_at >= a.start - interval '1 hour' AND s.starts_at < a.until
         AND s.ends_at > a.start
         AND s.starts_at >= %(start)s::timestamptz - interval '1 hour' AND s.starts_at < %(end)s
    CROSS JOIN LATERAL (
        SELECT us(greatest(s.starts_at, a.start)),
               us(least(s.ends_at, a.until)) - us(greatest(s.starts_at, a.start))
    ) AS l (since, us)
    WINDOW runs AS (PARTITION BY a.n ORDER BY s.starts_at)
) r
GROUP BY n

-- name: reached_days
-- The local day on which running time since the first of `firsts` passes what is wanted, and what
-- had run before it: every day up to `ends` has its row.
SELECT n::integer - 1, day, before::bigint
FROM (
    SELECT a.n, r.day, a.wanted,
           sum(r.running_us) OVER days - r.running_us AS before,
           sum(r.running_us) OVER days AS through
    FROM unnest(%(keys)s::integer[], %(firsts)s::date[], %(ends)s::date[], %(wanted)s::bigint[])
             WITH ORDINALITY AS a (key, first_day, end_day, wanted, n)
    JOIN rollup_day r ON r.instrument_key = a.key AND r.day >= a.first_day AND r.day < a.end_day
    WINDOW days AS (PARTITION BY a.n ORDER BY r.day)
) d
WHERE through >= wanted AND before < wanted
