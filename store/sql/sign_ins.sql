-- name: begin
-- Whoever signs in cleans up: what ended by itself goes, and of too many of one key the ones
-- longest out of use. Rows that somebody else is about to delete are left to them.
WITH home AS (
    SELECT k.key_id, i.institution_id, k.expires_at
    FROM api_key k LEFT JOIN institution i USING (institution_key)
    WHERE k.key_id = %(key_id)s AND k.revoked_at IS NULL
      AND coalesce(k.expires_at > clock_timestamp(), true)
), over AS (
    SELECT s.sign_in_id FROM sign_in s LEFT JOIN api_key k USING (key_id)
    WHERE NOT sign_in_stands(s, k)
    UNION ALL
    (SELECT sign_in_id FROM sign_in WHERE key_id = %(key_id)s
     ORDER BY last_used_at DESC, created_at DESC OFFSET %(most)s - 1)
), gone AS (
    DELETE FROM sign_in WHERE sign_in_id IN (
        SELECT s.sign_in_id FROM sign_in s WHERE s.sign_in_id IN (SELECT sign_in_id FROM over)
        FOR UPDATE SKIP LOCKED)
), made AS (
    INSERT INTO sign_in (sign_in_id, token_sha256, key_id, idle, expires_at, address, agent)
    SELECT %(sign_in_id)s, %(digest)s, key_id, %(idle_s)s * interval '1 second',
           least(now() + %(lasts_s)s * interval '1 second', expires_at), %(address)s, %(agent)s
    FROM home
    RETURNING sign_in_id, key_id, expires_at
), noted AS (
    INSERT INTO audit (actor, action, object_type, object_id, after)
    SELECT %(actor)s, 'create', 'sign_in', sign_in_id,
           jsonb_build_object('key_id', key_id, 'expires_at', made.expires_at,
                              'institution_id', (SELECT institution_id FROM home))
    FROM made
)
SELECT expires_at FROM made

-- name: begin_person
-- The same of a person whom an identity provider named; what it may do stands in the row.
WITH over AS (
    SELECT s.sign_in_id FROM sign_in s LEFT JOIN api_key k USING (key_id)
    WHERE NOT sign_in_stands(s, k)
    UNION ALL
    (SELECT sign_in_id FROM sign_in WHERE subject = %(subject)s
     ORDER BY last_used_at DESC, created_at DESC OFFSET %(most)s - 1)
), gone AS (
    DELETE FROM sign_in WHERE sign_in_id IN (
        SELECT s.sign_in_id FROM sign_in s WHERE s.sign_in_id IN (SELECT sign_in_id FROM over)
        FOR UPDATE SKIP LOCKED)
), made AS (
    INSERT INTO sign_in (sign_in_id, token_sha256, subject, name, scopes, institution_key, idle,
                         expires_at, address, agent)
    VALUES (%(sign_in_id)s, %(digest)s, %(subject)s, %(name)s, %(scopes)s::text[],
            %(institution_key)s, %(idle_s)s * interval '1 second',
            now() + %(lasts_s)s * interval '1 second', %(address)s, %(agent)s)
    RETURNING sign_in_id, expires_at, institution_key
), noted AS (
    INSERT INTO audit (actor, action, object_type, object_id, after)
    SELECT %(actor)s, 'create', 'sign_in', sign_in_id,
           jsonb_build_object('key_id', %(actor)s::text, 'expires_at', expires_at,
                              'institution_id', (SELECT i.institution_id FROM institution i
                                                 WHERE i.institution_key = made.institution_key))
    FROM made
)
SELECT expires_at FROM made

-- name: find
SELECT s.sign_in_id, coalesce(s.key_id, 'oidc:' || s.subject) AS key_id,
       coalesce(k.name, s.name, '') AS name, coalesce(k.scopes, s.scopes) AS scopes,
       i.institution_key, i.institution_id,
       s.created_at, s.last_used_at, s.expires_at, s.idle, s.address, s.agent,
       s.last_used_at < now() - least(interval '1 minute', s.idle / 4) AS use_unnoted
FROM sign_in s LEFT JOIN api_key k USING (key_id)
LEFT JOIN institution i ON i.institution_key = coalesce(k.institution_key, s.institution_key)
WHERE s.token_sha256 = %s AND sign_in_stands(s, k)

-- name: list
-- Where `own` is given: of that key alone; where `tenant` is given: of that institution's keys.
SELECT s.sign_in_id, coalesce(s.key_id, 'oidc:' || s.subject) AS key_id,
       coalesce(k.name, s.name, '') AS name, coalesce(k.scopes, s.scopes) AS scopes,
       i.institution_key, i.institution_id,
       s.created_at, s.last_used_at, s.expires_at, s.idle, s.address, s.agent,
       false AS use_unnoted
FROM sign_in s LEFT JOIN api_key k USING (key_id)
LEFT JOIN institution i ON i.institution_key = coalesce(k.institution_key, s.institution_key)
WHERE sign_in_stands(s, k)
  AND (%(own)s::text IS NULL OR coalesce(s.key_id, 'oidc:' || s.subject) = %(own)s)
  AND (%(tenant)s::integer IS NULL OR i.institution_key = %(tenant)s)
  AND (%(at)s::timestamptz IS NULL OR (s.created_at, s.sign_in_id) < (%(at)s, %(id)s))
ORDER BY s.created_at DESC, s.sign_in_id DESC
LIMIT %(limit)s

-- name: end
WITH home AS (
    SELECT s.sign_in_id, coalesce(s.key_id, 'oidc:' || s.subject) AS key_id, i.institution_key,
           i.institution_id
    FROM sign_in s LEFT JOIN api_key k USING (key_id)
    LEFT JOIN institution i ON i.institution_key = coalesce(k.institution_key, s.institution_key)
    WHERE s.sign_in_id = %(sign_in_id)s AND sign_in_stands(s, k)
), gone AS (
    DELETE FROM sign_in s USING home
    WHERE s.sign_in_id = home.sign_in_id
      AND (%(own)s::text IS NULL OR home.key_id = %(own)s)
      AND (%(tenant)s::integer IS NULL OR home.institution_key = %(tenant)s)
    RETURNING s.sign_in_id, home.key_id, s.expires_at, home.institution_id
), noted AS (
    INSERT INTO audit (actor, action, object_type, object_id, before)
    SELECT %(actor)s, 'delete', 'sign_in', sign_in_id,
           jsonb_build_object('key_id', key_id, 'expires_at', expires_at,
                              'institution_id', institution_id)
    FROM gone
)
SELECT sign_in_id FROM gone

-- name: standing
SELECT s.sign_in_id FROM sign_in s LEFT JOIN api_key k USING (key_id)
WHERE s.sign_in_id = ANY (%s) AND sign_in_stands(s, k)

-- name: note_use
-- A key whose browsers are at work is in use.
WITH noted AS (
    UPDATE sign_in SET last_used_at = now()
    WHERE sign_in_id = (SELECT sign_in_id FROM sign_in WHERE sign_in_id = %s
                        FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING key_id
)
UPDATE api_key SET last_used_at = now()
WHERE key_id = (SELECT key_id FROM api_key WHERE key_id = (SELECT key_id FROM noted)
                AND coalesce(last_used_at < now() - interval '1 minute', true)
                FOR NO KEY UPDATE SKIP LOCKED)
