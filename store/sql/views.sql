-- name: list
SELECT name, address, landing, created_at, changed_at FROM saved_view
WHERE owner = %(owner)s AND (%(name)s::text IS NULL OR name = %(name)s)
ORDER BY name

-- name: lock
-- Of one owner one after the other: they are counted, and one at most is shown first.
SELECT pg_advisory_xact_lock(hashtextextended('saved_view ' || %s, 0))

-- name: clean
-- Whoever saves cleans up: keys that expired have no more use of theirs.
DELETE FROM saved_view v USING api_key k
WHERE k.key_id = v.owner AND (k.revoked_at IS NOT NULL OR k.expires_at <= clock_timestamp())

-- name: unland
UPDATE saved_view SET landing = false, changed_at = now()
WHERE owner = %(owner)s AND landing AND name <> %(name)s

-- name: put
INSERT INTO saved_view (owner, name, address, landing)
VALUES (%(owner)s, %(name)s, %(address)s, %(landing)s)
ON CONFLICT (owner, name) DO UPDATE SET
    address = excluded.address, landing = excluded.landing, changed_at = now()

-- name: delete
DELETE FROM saved_view WHERE owner = %(owner)s AND name = %(name)s
