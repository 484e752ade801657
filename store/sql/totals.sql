-- Running totals of the daily rollups, and their hours; written by totals.py, read by sums.py and
-- hours.py; months of heard days with them, read by coverage.py.

-- name: lock
-- Waits for whoever changes a day of the chunk, and makes others wait.
SELECT pg_advisory_xact_lock(1953460321, %(chunk)s)

-- name: make_alone
-- Apart from others that make totals of the chunk; changes of its days go on.
SELECT pg_advisory_xact_lock(1953460322, %(chunk)s)

-- name: due
-- Chunks whose totals want making: with days that are over and not in them, once nothing of
-- the chunk waits to be rolled up (or after an hour), and with marks likewise. The newest days
-- first: they are what is asked for.
WITH target AS (
    SELECT (value::date + 1) AS boundary FROM service_setting WHERE name = 'rolled_through'
), wanting AS (
    SELECT c.chunk, t.boundary,
           now() > (t.boundary::timestamp AT TIME ZONE %(zone)s) + interval '2 hours' AS patient
    FROM generate_series(0, (SELECT max(instrument_key) FROM instrument) >> 10) AS c (chunk)
    CROSS JOIN target t
    LEFT JOIN rollup_total_reach r USING (chunk)
    WHERE r.chunk IS NULL OR r.through < t.boundary
    UNION ALL
    SELECT s.instrument_key >> 10, max(r.through), min(s.marked_at) < now() - interval '10 minutes'
    FROM rollup_total_stale s JOIN rollup_total_reach r ON r.chunk = s.instrument_key >> 10
    GROUP BY 1
)
SELECT w.chunk, w.boundary FROM wanting w
WHERE w.patient OR NOT EXISTS (
    SELECT FROM rollup_todo t
    WHERE t.instrument_key >= w.chunk * 1024 AND t.instrument_key < (w.chunk + 1) * 1024
      AND t.day < w.boundary)
ORDER BY w.boundary DESC, w.chunk
LIMIT %(most)s

-- name: earliest
SELECT min(d.day)
FROM generate_series(%(low)s::integer, %(high)s::integer - 1) AS k (instrument_key)
CROSS JOIN LATERAL (SELECT day FROM rollup_day r
                    WHERE r.instrument_key = k.instrument_key ORDER BY day LIMIT 1) d

-- name: marks
-- Days that changed since, and the transactions that said so.
SELECT array_agg(DISTINCT day), array_agg(DISTINCT xmin::text) FROM rollup_total_stale
WHERE instrument_key >= %(low)s AND instrument_key < %(high)s

-- name: days
-- The lateral join has each instrument's days found by the primary key.
SELECT d.*
FROM generate_series(%(low)s::integer, %(high)s::integer - 1) AS k (instrument_key)
CROSS JOIN LATERAL (
    SELECT day - %(start)s::date AS number, k.instrument_key - %(low)s::integer AS place, step_us,
           running_us, idle_us, off_us, unknown_before_first_us, unknown_collector_us,
           unknown_gateway_us, unknown_device_us, coalesce(scheduled_us, 0),
           coalesce(running_scheduled_us, 0), effective_us, session_idle_us, rated_us, counter_us,
           counter_readings, witness_counter_us, witness_state_us, 1,
           (scheduled_us IS NOT NULL)::integer,
           CASE WHEN day = ANY (%(hourly)s::date[]) THEN hours END
    FROM rollup_day r
    WHERE r.instrument_key = k.instrument_key AND r.day >= %(start)s AND r.day < %(end)s
    OFFSET 0
) d

-- name: one_total
SELECT sums FROM rollup_total WHERE boundary = %(boundary)s AND chunk = %(chunk)s

-- name: one_step
SELECT steps FROM rollup_total_step
WHERE boundary = %(boundary)s AND level = %(level)s AND chunk = %(chunk)s

-- name: put_total
INSERT INTO rollup_total (boundary, chunk, sums) VALUES (%(boundary)s, %(chunk)s, %(sums)s)
ON CONFLICT (boundary, chunk) DO UPDATE SET sums = EXCLUDED.sums

-- name: put_steps
INSERT INTO rollup_total_step (boundary, level, chunk, steps)
SELECT %(boundary)s, level - 1, %(chunk)s, steps
FROM unnest(%(steps)b::bytea[]) WITH ORDINALITY AS s (steps, level)
ON CONFLICT (boundary, level, chunk) DO UPDATE SET steps = EXCLUDED.steps

-- name: put_reach
INSERT INTO rollup_total_reach (chunk, first, through)
VALUES (%(chunk)s, %(first)s, %(through)s)
ON CONFLICT (chunk) DO UPDATE SET first = EXCLUDED.first, through = EXCLUDED.through

-- name: settle
DELETE FROM rollup_total_stale
WHERE instrument_key >= %(low)s AND instrument_key < %(high)s AND xmin::text = ANY (%(said)s::text[])

-- name: drop_marks
DELETE FROM rollup_total_stale WHERE instrument_key >= %(low)s AND instrument_key < %(high)s

-- name: drop_day_hours
DELETE FROM rollup_hour WHERE day = %(day)s AND chunk = %(chunk)s

-- name: put_hours
INSERT INTO rollup_hour (day, chunk, figure, hours)
SELECT %(day)s, %(chunk)s, figure, hours
FROM unnest(%(figures)s::smallint[], %(hours)b::bytea[]) AS h (figure, hours)

-- name: put_heard
-- Of the months from a day on, which days of instruments have known time.
INSERT INTO heard_month (month, chunk, days)
SELECT m.month::date, %(chunk)s,
       string_agg(int4send(coalesce(h.days, 0)), ''::bytea ORDER BY k.instrument_key)
FROM generate_series(date_trunc('month', %(start)s::date), %(end)s::date - 1, interval '1 month') m (month)
CROSS JOIN generate_series(%(low)s::integer, %(high)s::integer - 1) AS k (instrument_key)
LEFT JOIN LATERAL (
    SELECT bit_or(1 << (extract(day FROM r.day)::integer - 1)) AS days
    FROM rollup_day r
    WHERE r.instrument_key = k.instrument_key AND r.day >= m.month AND r.day < %(end)s
      AND r.day < m.month + interval '1 month' AND r.running_us + r.idle_us + r.off_us > 0
) h ON true
GROUP BY m.month
ON CONFLICT (month, chunk) DO UPDATE SET days = EXCLUDED.days

-- name: drop_heard
DELETE FROM heard_month WHERE chunk = %(chunk)s

-- name: clear_heard
DELETE FROM heard_month

-- name: drop_reach
DELETE FROM rollup_total_reach WHERE chunk = %(chunk)s

-- name: drop_totals
DELETE FROM rollup_total WHERE chunk = %(chunk)s

-- name: drop_steps
DELETE FROM rollup_total_step WHERE chunk = %(chunk)s

-- name: drop_hours
DELETE FROM rollup_hour WHERE chunk = %(chunk)s

-- name: clear_hours
DELETE FROM rollup_hour

-- name: clear_reach
DELETE FROM rollup_total_reach

-- name: clear_totals
DELETE FROM rollup_total

-- name: clear_steps
DELETE FROM rollup_total_step

-- name: clear_stale
DELETE FROM rollup_total_stale

-- name: reach
SELECT chunk, first, through FROM rollup_total_reach WHERE chunk = ANY (%(chunks)s::integer[])

-- name: stale
-- Whose days in the window changed since.
SELECT DISTINCT instrument_key FROM rollup_total_stale WHERE day >= %(first)s AND day < %(end)s

-- name: totals
SELECT boundary, chunk, sums FROM rollup_total
WHERE boundary = ANY (%(boundaries)s::date[]) AND chunk = ANY (%(chunks)s::integer[])

-- name: steps
SELECT boundary, chunk, steps FROM rollup_total_step
WHERE boundary = ANY (%(boundaries)s::date[]) AND level = %(level)s
  AND chunk = ANY (%(chunks)s::integer[])

-- name: hours
SELECT chunk, figure, hours FROM rollup_hour
WHERE day = %(day)s AND chunk = ANY (%(chunks)s::integer[])
  AND figure = ANY (%(figures)s::smallint[])

-- name: present
SELECT day, chunk, hours FROM rollup_hour
WHERE day = ANY (%(days)s::date[]) AND chunk = ANY (%(chunks)s::integer[]) AND figure = %(present)s
