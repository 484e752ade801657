-- Files of closed periods and their manifests; read and written by files.py. Nothing is changed.

-- name: lock
-- One file more at a time: each has a manifest that follows the one before it.
SELECT pg_advisory_xact_lock(hashtext('period_file'), mod(%(period)s::bigint, 2147483647)::integer)

-- name: keep_piece
INSERT INTO period_file_piece (period_id, name, n, bytes)
VALUES (%(period)s, %(name)s, %(n)s, %(bytes)b)

-- name: keep_file
INSERT INTO period_file (period_id, name, media_type, profile, profile_version, rows, size, sha256)
VALUES (%(period)s, %(name)s, %(media_type)s, %(profile)s, %(version)s, %(rows)s, %(size)s,
        %(sha256)s)

-- name: files
SELECT name, media_type, profile, profile_version, rows, size, sha256, us(created_at)
FROM period_file
WHERE period_id = %(period)s AND (%(name)s::text IS NULL OR name = %(name)s)
ORDER BY name

-- name: piece
SELECT bytes FROM period_file_piece
WHERE period_id = %(period)s AND name = %(name)s AND n = %(n)s

-- name: manifests
SELECT number, manifest, signature, key_id, us(created_at) FROM period_manifest
WHERE period_id = %(period)s AND (%(number)s::integer IS NULL OR number = %(number)s)
ORDER BY number

-- name: newest_manifest
SELECT number, manifest, signature, key_id, us(created_at) FROM period_manifest
WHERE period_id = %(period)s ORDER BY number DESC LIMIT 1

-- name: keep_manifest
INSERT INTO period_manifest (period_id, number, manifest, signature, key_id)
VALUES (%(period)s, %(number)s, %(manifest)s, %(signature)s, %(key_id)s)
