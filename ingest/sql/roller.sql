-- Which days are to be rolled up, and what becomes of them; read and written by roller.py.

-- name: take
SELECT instrument_key, day FROM rollup_todo
WHERE day <= least(
    (now() AT TIME ZONE %(zone)s)::date - 1,
    (SELECT value::date FROM service_setting WHERE name = 'rolled_through'))
ORDER BY instrument_key, day LIMIT %(most)s

-- name: lock
SELECT 1 FROM instrument_status WHERE instrument_key = ANY(%s)
ORDER BY instrument_key FOR NO KEY UPDATE

-- name: upsert
-- One statement a portion: every statement on the table also looks after the running totals.
-- The columns are the figures' own: rollup_columns.py puts them in.
INSERT INTO rollup_day (instrument_key, day, hours, {columns})
SELECT * FROM unnest(%s::int[], %s::date[], %s::bytea[], {arrays})
ON CONFLICT (instrument_key, day)
DO UPDATE SET (hours, {columns}) = ROW (EXCLUDED.hours, {excluded})

-- name: done
DELETE FROM rollup_todo t USING unnest(%s::int[], %s::date[]) AS d (key, day)
WHERE t.instrument_key = d.key AND t.day = d.day

-- name: newest_readings
-- What counter and state say of the newest day that has readings; 0 and 0 where none has.
SELECT k.instrument_key, coalesce(d.witness_counter_us, 0), coalesce(d.witness_state_us, 0)
FROM unnest(%s::int[]) AS k (instrument_key)
LEFT JOIN LATERAL (
    SELECT witness_counter_us, witness_state_us FROM rollup_day r
    WHERE r.instrument_key = k.instrument_key AND r.counter_readings > 0
    ORDER BY r.day DESC LIMIT 1
) d ON true

-- name: flag_counters
UPDATE instrument_status s SET counter_disagrees = f.flag
FROM unnest(%s::int[], %s::bool[]) AS f (key, flag)
WHERE s.instrument_key = f.key AND s.counter_disagrees <> f.flag

-- name: flag_energy
-- Of instruments whose devices speak for themselves, by the newest day that is summed up: whether
-- one ran for an hour, heartbeat after heartbeat, while the meter stood still. Further apart than
-- the longest hold that an interval gives, heartbeats say nothing of the time between.
WITH newest AS (
    SELECT k.instrument_key, max(r.day) AS day
    FROM unnest(%(keys)s::int[]) AS k (instrument_key)
    JOIN instrument_version v ON v.instrument_key = k.instrument_key AND v.source IS NOT NULL
         AND v.force_from <= now() AND v.force_to > now()
    JOIN rollup_day r ON r.instrument_key = k.instrument_key
    GROUP BY k.instrument_key
), said AS (
    SELECT n.instrument_key, h.ts, h.state = 2 AS runs, h.energy_wh,
           lag(h.ts) OVER w AS before, lag(h.energy_wh) OVER w AS counted
    FROM newest n JOIN heartbeat h ON h.instrument_key = n.instrument_key
         AND h.ts >= n.day::timestamp AT TIME ZONE %(zone)s
         AND h.ts < (n.day + 1)::timestamp AT TIME ZONE %(zone)s
    WHERE h.flags & 2 = 0  -- not STALE
      AND h.flags & 64 = 0  -- not ONLINE_WORD
      AND (h.energy_wh IS NOT NULL OR h.state <> 2)
    WINDOW w AS (PARTITION BY n.instrument_key ORDER BY h.ts)
), stretches AS (
    SELECT instrument_key, ts, runs,
           count(*) FILTER (WHERE NOT runs OR energy_wh IS DISTINCT FROM counted
                            OR ts - before > interval '15 minutes')
               OVER (PARTITION BY instrument_key ORDER BY ts) AS stretch
    FROM said
), stuck AS (
    SELECT DISTINCT instrument_key FROM stretches WHERE runs
    GROUP BY instrument_key, stretch HAVING max(ts) - min(ts) >= interval '1 hour'
)
UPDATE instrument_status s SET energy_disagrees = f.flag
FROM (SELECT n.instrument_key, k.instrument_key IS NOT NULL AS flag
      FROM newest n LEFT JOIN stuck k USING (instrument_key)) AS f
WHERE s.instrument_key = f.instrument_key AND s.energy_disagrees <> f.flag

-- name: ended
-- The newest day that is over by the clock, and by the newest heartbeat where days are to be closed:
-- a clock that leapt ahead must not close days that are still to come. All in one statement:
-- whoever brings history, and said before that its days are done, is seen to have said so.
SELECT over, CASE WHEN over > coalesce(after, '-infinity') THEN
           (SELECT (max(newest_ts) AT TIME ZONE %(zone)s)::date - 1 FROM instrument_status) END,
       after
FROM (SELECT (clock_timestamp() AT TIME ZONE %(zone)s - make_interval(secs => %(settles)s))::date
             - 1 AS over,
             (SELECT value::date FROM service_setting
              WHERE name = 'rolled_through' FOR UPDATE) AS after OFFSET 0) AS days

-- name: close_days
INSERT INTO rollup_todo (instrument_key, day)
SELECT s.instrument_key, d::date
FROM instrument_status s,
     generate_series(greatest(%(after)s::date + 1, (s.first_at AT TIME ZONE %(zone)s)::date),
                     %(through)s::date, interval '1 day') AS d
WHERE s.first_at IS NOT NULL
ON CONFLICT DO NOTHING

-- name: set_rolled_through
INSERT INTO service_setting (name, value) VALUES ('rolled_through', %s)
ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value

-- name: zone
SELECT value FROM service_setting WHERE name = 'rollup_zone' FOR UPDATE

-- name: set_zone
INSERT INTO service_setting (name, value) VALUES ('rollup_zone', %s)
ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value

-- name: forget_days
DELETE FROM rollup_day

-- name: forget_todo
DELETE FROM rollup_todo

-- name: forget_rolled_through
-- Days that are made anew get their hours, however old they are.
DELETE FROM service_setting WHERE name IN ('rolled_through', 'hours_from')
