-- name: note
INSERT INTO audit (actor, action, object_type, object_id, before, after)
VALUES (%(actor)s, %(action)s, %(type)s, %(id)s, %(before)s::jsonb, %(after)s::jsonb)

-- name: list
SELECT audit_id, us(at), actor, action, object_type, object_id, before, after
FROM audit
WHERE (%(before_id)s::bigint IS NULL OR audit_id < %(before_id)s)
  AND (%(actor)s::text IS NULL OR actor = %(actor)s)
  AND (%(type)s::text IS NULL OR object_type = %(type)s)
  AND (%(id)s::text IS NULL OR object_id = %(id)s)
  AND (%(from)s::timestamptz IS NULL OR at >= %(from)s)
  AND (%(to)s::timestamptz IS NULL OR at < %(to)s)
ORDER BY audit_id DESC
LIMIT %(limit)s
