-- Instruments by group and their figures summed up; read by groups.py.

-- name: members
-- Who was registered at the end of a window and in service during it, whether seen or not.
SELECT v.instrument_key,
       CASE %(group_by)s::text
            WHEN 'institution' THEN n.institution_id
            WHEN 'district' THEN coalesce(v.district_code, nv.district_code)
            WHEN 'class' THEN v.class_code
            WHEN 'class_major' THEN left(v.class_code, 2) || '0000'
            WHEN 'gateway' THEN g.gateway_id
            WHEN 'instrument' THEN i.instrument_id
            WHEN 'kind' THEN v.kind END AS key,
       coalesce(s.first_at < %(end)s, false) AS seen,
       v.always_on, v.timezone, v.acquired_on, v.retired_on
FROM instrument_version v
JOIN instrument i ON i.instrument_key = v.instrument_key
JOIN institution n ON n.institution_key = v.institution_key
JOIN gateway g ON g.gateway_key = v.gateway_key
LEFT JOIN institution_version nv ON nv.institution_key = v.institution_key
     AND nv.force_from < %(end)s AND nv.force_to >= %(end)s
LEFT JOIN instrument_status s ON s.instrument_key = v.instrument_key
WHERE v.force_from < %(end)s AND v.force_to >= %(end)s
  AND (%(tenant)s::integer IS NULL OR v.institution_key = %(tenant)s)
  AND (%(institution)s::text IS NULL OR n.institution_id = %(institution)s)
  AND (%(district)s::text IS NULL OR coalesce(v.district_code, nv.district_code) = %(district)s)
  AND (%(class)s::text IS NULL OR v.class_code LIKE %(class)s)
  AND (%(gateway)s::text IS NULL OR g.gateway_id = %(gateway)s)
  AND (%(kind)s::text IS NULL OR v.kind = %(kind)s)
  AND (%(always_on)s::boolean IS NULL OR v.always_on = %(always_on)s)
  AND (%(keys)s::integer[] IS NULL OR v.instrument_key = ANY (%(keys)s::integer[]))
  AND (v.acquired_on IS NULL OR v.acquired_on::timestamp AT TIME ZONE v.timezone < %(end)s)
  AND (v.retired_on IS NULL OR v.retired_on::timestamp AT TIME ZONE v.timezone > %(start)s)
ORDER BY v.instrument_key

-- name: sums
-- The same members, summed up in one go where the window is whole days of the rollups and
-- every row that it needs is there; the keys of the others come back for the slower way.
-- A bucket is asked for as its days within the window that decides who is a member.
WITH member AS MATERIALIZED (
    SELECT v.instrument_key,
           CASE %(group_by)s::text
                WHEN 'institution' THEN n.institution_id
                WHEN 'district' THEN coalesce(v.district_code, nv.district_code)
                WHEN 'class' THEN v.class_code
                WHEN 'class_major' THEN left(v.class_code, 2) || '0000'
                WHEN 'gateway' THEN g.gateway_id
                WHEN 'instrument' THEN i.instrument_id
                WHEN 'kind' THEN v.kind END AS key,
           coalesce(s.first_at < %(end)s, false) AS seen, v.always_on,
           coalesce(v.acquired_on::timestamp AT TIME ZONE v.timezone > %(start)s, false)
           OR coalesce(v.retired_on::timestamp AT TIME ZONE v.timezone < %(end)s, false) AS cut,
           greatest(coalesce(v.hold_us, least(3 * v.interval_us, 900000000), 180000000),
                    us(s.credit_until) - us(s.credit_from),
                    v.session_gap_us + v.session_min_us) AS settle_us
    FROM instrument_version v
    JOIN instrument i ON i.instrument_key = v.instrument_key
    JOIN institution n ON n.institution_key = v.institution_key
    JOIN gateway g ON g.gateway_key = v.gateway_key
    LEFT JOIN institution_version nv ON nv.institution_key = v.institution_key
         AND nv.force_from < %(end)s AND nv.force_to >= %(end)s
    LEFT JOIN instrument_status s ON s.instrument_key = v.instrument_key
    WHERE v.force_from < %(end)s AND v.force_to >= %(end)s
      AND (%(tenant)s::integer IS NULL OR v.institution_key = %(tenant)s)
      AND (%(institution)s::text IS NULL OR n.institution_id = %(institution)s)
      AND (%(district)s::text IS NULL OR coalesce(v.district_code, nv.district_code) = %(district)s)
      AND (%(class)s::text IS NULL OR v.class_code LIKE %(class)s)
      AND (%(gateway)s::text IS NULL OR g.gateway_id = %(gateway)s)
      AND (%(kind)s::text IS NULL OR v.kind = %(kind)s)
      AND (%(always_on)s::boolean IS NULL OR v.always_on = %(always_on)s)
      AND v.instrument_key <> ALL (%(but)s::integer[])
      AND (v.acquired_on IS NULL OR v.acquired_on::timestamp AT TIME ZONE v.timezone < %(end)s)
      AND (v.retired_on IS NULL OR v.retired_on::timestamp AT TIME ZONE v.timezone > %(start)s)
), part AS (
    -- Each summed up by itself: rows that go through an append first take three times as long.
    SELECT instrument_key, count(*) AS days, 0 AS months,
           sum_us(running_us) AS running_us,
           sum_us(idle_us) AS idle_us,
           sum_us(off_us) AS off_us,
           sum_us(unknown_before_first_us) AS unknown_before_first_us,
           sum_us(unknown_collector_us) AS unknown_collector_us,
           sum_us(unknown_gateway_us) AS unknown_gateway_us,
           sum_us(unknown_device_us) AS unknown_device_us,
           sum_us(scheduled_us) AS scheduled_us,
           sum_us(running_scheduled_us) AS running_scheduled_us,
           sum_us(effective_us) AS effective_us,
           sum_us(session_idle_us) AS session_idle_us,
           sum_us(rated_us) AS rated_us,
           sum_us(counter_us) AS counter_us,
           sum_us(counter_readings) AS counter_readings,
           sum_us(witness_counter_us) AS witness_counter_us,
           sum_us(witness_state_us) AS witness_state_us,
           max(step_us) AS step_us
    FROM rollup_day
    WHERE day >= %(head)s AND day < %(head_end)s
      AND (NOT %(some)s::boolean OR instrument_key IN (SELECT instrument_key FROM member))
    GROUP BY instrument_key
    UNION ALL
    SELECT instrument_key, count(*) AS days, 0 AS months,
           sum_us(running_us) AS running_us,
           sum_us(idle_us) AS idle_us,
           sum_us(off_us) AS off_us,
           sum_us(unknown_before_first_us) AS unknown_before_first_us,
           sum_us(unknown_collector_us) AS unknown_collector_us,
           sum_us(unknown_gateway_us) AS unknown_gateway_us,
           sum_us(unknown_device_us) AS unknown_device_us,
           sum_us(scheduled_us) AS scheduled_us,
           sum_us(running_scheduled_us) AS running_scheduled_us,
           sum_us(effective_us) AS effective_us,
           sum_us(session_idle_us) AS session_idle_us,
           sum_us(rated_us) AS rated_us,
           sum_us(counter_us) AS counter_us,
           sum_us(counter_readings) AS counter_readings,
           sum_us(witness_counter_us) AS witness_counter_us,
           sum_us(witness_state_us) AS witness_state_us,
           max(step_us) AS step_us
    FROM rollup_day
    WHERE day >= %(tail)s AND day < %(tail_end)s
      AND (NOT %(some)s::boolean OR instrument_key IN (SELECT instrument_key FROM member))
    GROUP BY instrument_key
    UNION ALL
    SELECT instrument_key, 0 AS days, count(*) AS months,
           sum_us(running_us) AS running_us,
           sum_us(idle_us) AS idle_us,
           sum_us(off_us) AS off_us,
           sum_us(unknown_before_first_us) AS unknown_before_first_us,
           sum_us(unknown_collector_us) AS unknown_collector_us,
           sum_us(unknown_gateway_us) AS unknown_gateway_us,
           sum_us(unknown_device_us) AS unknown_device_us,
           sum_us(scheduled_us) AS scheduled_us,
           sum_us(running_scheduled_us) AS running_scheduled_us,
           sum_us(effective_us) AS effective_us,
           sum_us(session_idle_us) AS session_idle_us,
           sum_us(rated_us) AS rated_us,
           sum_us(counter_us) AS counter_us,
           sum_us(counter_readings) AS counter_readings,
           sum_us(witness_counter_us) AS witness_counter_us,
           sum_us(witness_state_us) AS witness_state_us,
           max(step_us) AS step_us
    FROM rollup_month
    WHERE day >= %(months)s AND day < %(months_end)s
      AND (NOT %(some)s::boolean OR instrument_key IN (SELECT instrument_key FROM member))
    GROUP BY instrument_key
), figure AS MATERIALIZED (
    SELECT instrument_key, sum_us(days) AS days, sum_us(months) AS months,
           sum_us(running_us) AS running_us,
           sum_us(idle_us) AS idle_us,
           sum_us(off_us) AS off_us,
           sum_us(unknown_before_first_us) AS unknown_before_first_us,
           sum_us(unknown_collector_us) AS unknown_collector_us,
           sum_us(unknown_gateway_us) AS unknown_gateway_us,
           sum_us(unknown_device_us) AS unknown_device_us,
           sum_us(scheduled_us) AS scheduled_us,
           sum_us(running_scheduled_us) AS running_scheduled_us,
           sum_us(effective_us) AS effective_us,
           sum_us(session_idle_us) AS session_idle_us,
           sum_us(rated_us) AS rated_us,
           sum_us(counter_us) AS counter_us,
           sum_us(counter_readings) AS counter_readings,
           sum_us(witness_counter_us) AS witness_counter_us,
           sum_us(witness_state_us) AS witness_state_us,
           max(step_us) AS step_us
    FROM part
    GROUP BY instrument_key
), whole AS MATERIALIZED (
    SELECT m.key, m.seen, m.always_on, m.settle_us,
           m.seen AND (m.cut OR f.instrument_key IS NULL OR f.days <> %(n_days)s
                       OR f.months <> %(n_months)s) AS short,
           f.*,
           f.running_us + f.idle_us + f.off_us AS known_us,
           f.running_us + f.idle_us + f.off_us + f.unknown_before_first_us
           + f.unknown_collector_us + f.unknown_gateway_us + f.unknown_device_us AS window_us,
           CASE %(basis)s::text WHEN 'rated' THEN f.effective_us
                WHEN 'scheduled' THEN f.running_scheduled_us ELSE f.running_us END AS part_us,
           m.instrument_key AS number
    FROM member m LEFT JOIN figure f USING (instrument_key)
), judged AS (
    SELECT w.*, w.known_us * %(least_of)s::bigint >= w.window_us * %(least)s::bigint
           AND w.window_us > 0 AS sufficient,
           CASE %(basis)s::text WHEN 'rated' THEN w.rated_us
                WHEN 'calendar' THEN w.window_us
                WHEN 'scheduled' THEN w.scheduled_us
                WHEN 'powered' THEN w.running_us + w.idle_us
                ELSE w.known_us END AS whole_us
    FROM whole w
)
SELECT key,
       count(*) FILTER (WHERE NOT short), count(*) FILTER (WHERE NOT seen),
       count(*) FILTER (WHERE counts AND sufficient), coalesce(max(settle_us), 0),
       array_agg(number) FILTER (WHERE short),
       array_agg(running_us) FILTER (WHERE ranked AND known_us > 0),
       array_agg(known_us) FILTER (WHERE ranked AND known_us > 0),
       count(*) FILTER (WHERE ranked AND whole_us > 0),
       count(*) FILTER (WHERE ranked AND part_us * %(of_1)s > whole_us * %(above_1)s),
       count(*) FILTER (WHERE ranked AND part_us * %(of_2)s > whole_us * %(above_2)s),
       bit_xor(((((running_us # (idle_us << 1)) # (off_us << 2)
                  # (unknown_before_first_us << 3) # (unknown_collector_us << 4)
                  # (unknown_gateway_us << 5) # (unknown_device_us << 6)
                  # (coalesce(scheduled_us, 0) << 7) # (coalesce(running_scheduled_us, 0) << 8)
                  # (effective_us << 9) # (session_idle_us << 10) # (rated_us << 11)
                  # (counter_us << 12) # (counter_readings << 13)
                  # (witness_counter_us << 14) # (witness_state_us << 15) # (step_us << 16))
                 & 4611686018427387903) %% 2147483647) * (number %% 2147483647 + 1))
           FILTER (WHERE counts),
       sum(effective_us) FILTER (WHERE counts AND rated_us > 0)::text,
       sum(counter_us) FILTER (WHERE counts AND counter_readings > 0)::text,
       sum(witness_counter_us) FILTER (WHERE counts AND counter_readings > 0)::text,
       sum(witness_state_us) FILTER (WHERE counts AND counter_readings > 0)::text,
       max(step_us) FILTER (WHERE counts),
       sum(running_us) FILTER (WHERE counts)::text,
       sum(idle_us) FILTER (WHERE counts)::text,
       sum(off_us) FILTER (WHERE counts)::text,
       sum(unknown_before_first_us) FILTER (WHERE counts)::text,
       sum(unknown_collector_us) FILTER (WHERE counts)::text,
       sum(unknown_gateway_us) FILTER (WHERE counts)::text,
       sum(unknown_device_us) FILTER (WHERE counts)::text,
       sum(scheduled_us) FILTER (WHERE counts)::text,
       sum(running_scheduled_us) FILTER (WHERE counts)::text,
       sum(effective_us) FILTER (WHERE counts)::text,
       sum(session_idle_us) FILTER (WHERE counts)::text,
       sum(rated_us) FILTER (WHERE counts)::text,
       sum(counter_readings) FILTER (WHERE counts)::text
FROM judged
CROSS JOIN LATERAL (SELECT seen AND NOT short AS counts) c
CROSS JOIN LATERAL (SELECT counts AND sufficient AND NOT always_on AS ranked) r
GROUP BY key
