-- Mappings of one's own, version by version. Read and written by mappings.py.

-- name: newest
SELECT DISTINCT ON (name)
    name, version, document, created_at, created_by,
    array_agg(version) OVER (PARTITION BY name)
FROM mapping ORDER BY name, version DESC

-- name: find
-- One version, or the newest.
SELECT name, version, document, created_at, created_by,
    (SELECT array_agg(v.version ORDER BY v.version) FROM mapping v WHERE v.name = m.name)
FROM mapping m
WHERE name = %(name)s AND (%(version)s::integer IS NULL OR version = %(version)s)
ORDER BY version DESC LIMIT 1

-- name: lock
-- Whoever writes a mapping waits for whoever else does: versions have no gaps.
SELECT pg_advisory_xact_lock(hashtext('mapping'))

-- name: add
INSERT INTO mapping (name, version, document, created_by)
VALUES (%(name)s, %(version)s, %(document)s, %(actor)s)
