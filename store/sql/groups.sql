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
  AND (v.acquired_on IS NULL OR v.acquired_on::timestamp AT TIME ZONE v.timezone < %(end)s)
  AND (v.retired_on IS NULL OR v.retired_on::timestamp AT TIME ZONE v.timezone > %(start)s)
ORDER BY v.instrument_key
