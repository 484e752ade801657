-- What instruments can be found by; read by store/present/searched.py.

-- name: state
SELECT revision, us(now()) FROM registry_revision

-- name: named
SELECT i.instrument_key, i.instrument_id, v.name, v.model, v.manufacturer, n.institution_id,
       array_remove(ARRAY[nv.name, nv.name_en], NULL), g.gateway_id, v.class_code,
       array_remove(ARRAY[c.name, c.name_en, m.name, m.name_en], NULL)
FROM instrument i
JOIN instrument_version v ON v.instrument_key = i.instrument_key
     AND v.force_from <= now() AND v.force_to > now()
JOIN institution n ON n.institution_key = v.institution_key
JOIN gateway g ON g.gateway_key = v.gateway_key
LEFT JOIN institution_version nv ON nv.institution_key = v.institution_key
     AND nv.force_from <= now() AND nv.force_to > now()
LEFT JOIN instrument_class c ON c.class_scheme = v.class_scheme AND c.class_code = v.class_code
LEFT JOIN instrument_class m ON m.class_scheme = c.class_scheme AND m.class_code = c.parent_code

-- name: synonyms
SELECT words, class_codes FROM search_synonym ORDER BY search_synonym_id
