-- Who asked for uses; read by store/reports/persons.py for what is not kept.

-- name: of_annotations
SELECT annotation_id, operator_ref, name, phone, email FROM annotation_person
WHERE annotation_id = ANY (%(annotations)s)

-- name: of_period
SELECT a.annotation_id, a.operator_ref, a.name, a.phone, a.email
FROM annotation_person a
WHERE a.annotation_id IN (
    SELECT (r.annotation ->> 'annotation_id')::bigint FROM period_record r
    WHERE r.period_id = %(period)s
    UNION
    SELECT older::bigint FROM period_record r,
           jsonb_array_elements_text(coalesce(r.annotation -> 'older', '[]')) AS older
    WHERE r.period_id = %(period)s)
