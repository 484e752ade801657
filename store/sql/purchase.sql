-- What a purchase review tells of instruments beside their figures; read by store/present/bought.py.

-- name: facts
SELECT i.instrument_id, n.institution_id, coalesce(v.district_code, nv.district_code),
       v.class_code, v.model, v.acquired_on, v.value_cny
FROM instrument i
JOIN instrument_version v ON v.instrument_key = i.instrument_key
     AND v.force_from < %(at)s AND v.force_to >= %(at)s
JOIN institution n ON n.institution_key = v.institution_key
LEFT JOIN institution_version nv ON nv.institution_key = v.institution_key
     AND nv.force_from < %(at)s AND nv.force_to >= %(at)s
WHERE i.instrument_id = ANY (%(ids)s::text[])
