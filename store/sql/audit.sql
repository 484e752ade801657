-- name: note
INSERT INTO audit (actor, action, object_type, object_id, before, after)
VALUES (%(actor)s, %(action)s, %(type)s, %(id)s, %(before)s::jsonb, %(after)s::jsonb)

-- name: list
-- Where `tenant` is given: changes of what is that institution's, and was before the change.
SELECT audit_id, us(at), actor, action, object_type, object_id, before, after
FROM audit
WHERE (%(before_id)s::bigint IS NULL OR audit_id < %(before_id)s)
  AND (%(actor)s::text[] IS NULL OR actor = ANY (%(actor)s::text[]))
  AND (%(type)s::text[] IS NULL OR object_type = ANY (%(type)s::text[]))
  AND (%(id)s::text[] IS NULL OR object_id = ANY (%(id)s::text[]))
  AND (%(from)s::timestamptz IS NULL OR at >= %(from)s)
  AND (%(to)s::timestamptz IS NULL OR at < %(to)s)
  AND (%(tenant)s::text IS NULL
       OR (object_type = 'institution' AND object_id = %(tenant)s)
       OR (object_type IN ('gateway', 'instrument', 'key', 'credential', 'sign_in', 'period',
                           'annotation', 'period_value', 'maintenance_plan', 'feedback',
                           'voucher_order', 'objection', 'view')
           AND (before IS NULL OR before ->> 'institution_id' = %(tenant)s)
           AND (after IS NULL OR after ->> 'institution_id' = %(tenant)s)
           AND coalesce(before, after) IS NOT NULL)
       OR (object_type = 'maintenance' AND EXISTS (
           SELECT FROM instrument i JOIN instrument_version v USING (instrument_key)
           JOIN institution n USING (institution_key)
           WHERE i.instrument_id = coalesce(after, before) ->> 'instrument_id'
             AND n.institution_id = %(tenant)s AND v.force_from <= now() AND v.force_to > now()))
       OR (object_type = 'dead_letter' AND EXISTS (
           SELECT FROM gateway g JOIN gateway_version v USING (gateway_key)
           JOIN institution n USING (institution_key)
           WHERE g.gateway_id = before ->> 'gateway_id'
             AND n.institution_id = %(tenant)s AND v.force_from <= now() AND v.force_to > now())))
ORDER BY audit_id DESC
LIMIT %(limit)s

-- name: last
-- The newest change of one thing, with the name of the key that made it.
SELECT audit_id, us(at), actor, action, object_type, object_id, before, after,
       (SELECT nullif(k.name, '') FROM api_key k WHERE 'key:' || k.key_id = actor)
FROM audit
WHERE object_type = %(type)s AND object_id = %(id)s
ORDER BY audit_id DESC
LIMIT 1
