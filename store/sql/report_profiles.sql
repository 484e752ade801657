-- Forms of reports of one's own, version by version. Read and written by reports/profiles.py.

-- name: newest
SELECT DISTINCT ON (name)
    name, version, document, created_at, created_by,
    array_agg(version) OVER (PARTITION BY name)
FROM report_profile ORDER BY name, version DESC

-- name: find
-- One version, or the newest.
SELECT name, version, document, created_at, created_by,
    (SELECT array_agg(v.version ORDER BY v.version) FROM report_profile v WHERE v.name = p.name)
FROM report_profile p
WHERE name = %(name)s AND (%(version)s::integer IS NULL OR version = %(version)s)
ORDER BY version DESC LIMIT 1

-- name: lock
-- Whoever writes a profile waits for whoever else does: versions have no gaps.
SELECT pg_advisory_xact_lock(hashtext('report_profile'))

-- name: add
INSERT INTO report_profile (name, version, document, created_by)
VALUES (%(name)s, %(version)s, %(document)s, %(actor)s)
