-- Instruments by group; read by members.py, at_once.py and roster.py.

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
            WHEN 'kind' THEN v.kind
            WHEN 'cell' THEN concat_ws(' ', coalesce(v.district_code, nv.district_code, ''),
                                       coalesce(v.class_code, ''), v.kind) END AS key,
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
  AND
  -- include: filters.meant
  AND (%(keys)s::integer[] IS NULL OR v.instrument_key = ANY (%(keys)s::integer[]))
  AND (v.acquired_on IS NULL OR v.acquired_on::timestamp AT TIME ZONE v.timezone < %(end)s)
  AND (v.retired_on IS NULL OR v.retired_on::timestamp AT TIME ZONE v.timezone > %(start)s)
ORDER BY v.instrument_key

-- name: revision
SELECT revision FROM registry_revision

-- name: force_changes
-- When another version comes into force: windows that end between two of these have the same
-- members but for their days of service.
SELECT us(force_from) FROM instrument_version WHERE isfinite(force_from)
UNION
SELECT us(force_from) FROM institution_version WHERE isfinite(force_from)
ORDER BY 1

-- name: roster
SELECT v.instrument_key, i.instrument_id, n.institution_id,
       coalesce(v.district_code, nv.district_code), v.class_code, g.gateway_id, v.kind,
       v.institution_key, v.always_on,
       us(v.acquired_on::timestamp AT TIME ZONE v.timezone),
       us(v.retired_on::timestamp AT TIME ZONE v.timezone),
       v.hold_us, v.interval_us,
       -- And how long a run of samples may wait to be decided.
       v.session_gap_us + v.session_min_us + CASE WHEN v.power_rule IS NULL THEN 0
           ELSE (greatest((v.power_rule->>'dwell_start_s')::float8,
                          (v.power_rule->>'dwell_stop_s')::float8) * 1000000)::bigint END,
       (v.value_cny * 100)::bigint, v.gateway_key, v.session_gap_us, v.session_min_us,
       coalesce(v.opening_hours, nv.opening_hours)::text, v.timezone, v.rated_hours_per_year,
       CASE WHEN isfinite(greatest(v.force_from, nv.force_from))
            THEN us(greatest(v.force_from, nv.force_from)) END,
       NOT isfinite(v.force_to), nv.name
FROM instrument_version v
JOIN instrument i ON i.instrument_key = v.instrument_key
JOIN institution n ON n.institution_key = v.institution_key
JOIN gateway g ON g.gateway_key = v.gateway_key
LEFT JOIN institution_version nv ON nv.institution_key = v.institution_key
     AND nv.force_from < %(end)s AND nv.force_to >= %(end)s
WHERE v.force_from < %(end)s AND v.force_to >= %(end)s
ORDER BY v.instrument_key

-- name: seen
-- Of some instruments, those with a heartbeat before a window's end, and when their first was.
SELECT instrument_key, us(first_at) FROM instrument_status
WHERE instrument_key = ANY (%(keys)s::integer[]) AND first_at < %(end)s

-- name: credits
-- The newest heartbeats that last longer than figures take to settle anyway: few, mostly.
SELECT instrument_key, us(credit_until) - us(credit_from) FROM instrument_status
WHERE instrument_key BETWEEN %(first)s AND %(last)s
  AND credit_until - credit_from > %(least)s * interval '1 microsecond'
