-- name: create
WITH home AS (
    SELECT institution_key FROM institution WHERE institution_id = %(institution_id)s
), made AS (
    INSERT INTO api_key (key_id, name, secret_sha256, scopes, institution_key, expires_at)
    SELECT %(key_id)s, %(name)s, %(digest)s, %(scopes)s::text[], (SELECT institution_key FROM home),
           %(expires_at)s
    WHERE %(institution_id)s::text IS NULL OR EXISTS (SELECT FROM home)
    RETURNING key_id, created_at, scopes, name, expires_at
), noted AS (
    INSERT INTO audit (actor, action, object_type, object_id, after)
    SELECT %(actor)s, 'create', 'key', key_id,
           jsonb_build_object('name', name, 'scopes', scopes, 'expires_at', expires_at,
                              'institution_id', %(institution_id)s::text)
    FROM made
)
SELECT created_at FROM made

-- name: find
SELECT k.key_id, k.secret_sha256, k.name, k.scopes, k.institution_key, i.institution_id,
       k.created_at, k.expires_at, k.revoked_at, k.last_used_at,
       k.revoked_at IS NULL AND coalesce(k.expires_at > clock_timestamp(), true) AS usable,
       coalesce(k.last_used_at < now() - interval '1 minute', true) AS use_unnoted
FROM api_key k LEFT JOIN institution i USING (institution_key)
WHERE k.key_id = %s

-- name: list
SELECT k.key_id, k.secret_sha256, k.name, k.scopes, k.institution_key, i.institution_id,
       k.created_at, k.expires_at, k.revoked_at, k.last_used_at,
       k.revoked_at IS NULL AND coalesce(k.expires_at > clock_timestamp(), true) AS usable,
       coalesce(k.last_used_at < now() - interval '1 minute', true) AS use_unnoted
FROM api_key k LEFT JOIN institution i USING (institution_key)
WHERE (%(at)s::timestamptz IS NULL OR (k.created_at, k.key_id) > (%(at)s, %(id)s))
  AND (%(tenant)s::integer IS NULL OR k.institution_key = %(tenant)s)
ORDER BY k.created_at, k.key_id
LIMIT %(limit)s

-- name: revoke
WITH gone AS (
    UPDATE api_key SET revoked_at = now()
    WHERE key_id = %(key_id)s AND revoked_at IS NULL
      AND (%(tenant)s::integer IS NULL OR institution_key = %(tenant)s)
    RETURNING key_id, name, scopes, expires_at, institution_key
), noted AS (
    INSERT INTO audit (actor, action, object_type, object_id, before)
    SELECT %(actor)s, 'revoke', 'key', key_id,
           jsonb_build_object('name', name, 'scopes', scopes, 'expires_at', expires_at,
                              'institution_id', (SELECT i.institution_id FROM institution i
                                                 WHERE i.institution_key = gone.institution_key))
    FROM gone
), unsaved AS (
    DELETE FROM saved_view WHERE owner IN (SELECT key_id FROM gone)
)
SELECT key_id FROM api_key WHERE key_id = %(key_id)s
  AND (%(tenant)s::integer IS NULL OR institution_key = %(tenant)s)

-- name: rotate
-- The new key is all that the old one was; saved views go over to it. Both are noted: by the old
-- one's id what took its place, by the new one's where it came from.
WITH old AS (
    SELECT key_id, name, scopes, institution_key, expires_at FROM api_key
    WHERE key_id = %(key_id)s AND revoked_at IS NULL
      AND coalesce(expires_at > clock_timestamp(), true)
      AND (%(tenant)s::integer IS NULL OR institution_key = %(tenant)s)
    FOR UPDATE
), made AS (
    INSERT INTO api_key (key_id, name, secret_sha256, scopes, institution_key, expires_at)
    SELECT %(new_id)s, name, %(digest)s, scopes, institution_key, expires_at FROM old
    RETURNING key_id, created_at, name, scopes, institution_key, expires_at
), ended AS (
    UPDATE api_key k
    SET revoked_at = CASE WHEN %(overlap)s::interval = interval '0' THEN now() END,
        expires_at = CASE WHEN %(overlap)s::interval = interval '0' THEN k.expires_at
                          ELSE least(k.expires_at, now() + %(overlap)s::interval) END
    FROM old WHERE k.key_id = old.key_id
    RETURNING k.key_id, coalesce(k.revoked_at, k.expires_at) AS ends_at
), moved AS (
    UPDATE saved_view SET owner = %(new_id)s WHERE owner IN (SELECT key_id FROM ended)
), told AS (
    SELECT made.*, i.institution_id, ended.ends_at, old.key_id AS old_id,
           jsonb_build_object('name', made.name, 'scopes', made.scopes,
                              'expires_at', made.expires_at,
                              'institution_id', i.institution_id) AS rights
    FROM made CROSS JOIN old CROSS JOIN ended LEFT JOIN institution i
      ON i.institution_key = made.institution_key
), noted AS (
    INSERT INTO audit (actor, action, object_type, object_id, before, after)
    SELECT %(actor)s, 'rotate', 'key', old_id, rights,
           jsonb_build_object('ends_at', ends_at, 'replaced_by', key_id) FROM told
    UNION ALL
    SELECT %(actor)s, 'create', 'key', key_id, NULL,
           rights || jsonb_build_object('replaces', old_id) FROM told
)
SELECT name, scopes, institution_id, created_at, expires_at, ends_at FROM told

-- name: usable
SELECT key_id FROM api_key
WHERE key_id = ANY (%s) AND revoked_at IS NULL AND coalesce(expires_at > clock_timestamp(), true)

-- name: institution
SELECT institution_key FROM institution WHERE institution_id = %s

-- name: note_use
UPDATE api_key SET last_used_at = now()
WHERE key_id = (SELECT key_id FROM api_key WHERE key_id = %s FOR NO KEY UPDATE SKIP LOCKED)
