-- Gateways' accounts at the broker. Read and written by broker_accounts.py.

-- name: bump
UPDATE broker_revision SET revision = revision + 1 RETURNING revision

-- name: gateway
-- Where `tenant` is given, the gateway must be that institution's now.
SELECT g.gateway_key, n.institution_id, c.created_at
FROM gateway g
JOIN gateway_version v USING (gateway_key)
LEFT JOIN institution n ON n.institution_key = v.institution_key
LEFT JOIN gateway_credential c USING (gateway_key)
WHERE g.gateway_id = %(gateway_id)s AND v.force_from <= now() AND v.force_to > now()
  AND (%(tenant)s::integer IS NULL OR v.institution_key = %(tenant)s)

-- name: create
-- After `delete`: ON CONFLICT would want the right to read the hash that it replaces.
INSERT INTO gateway_credential (gateway_key, password_hash, revision)
VALUES (%(key)s, %(hash)s, %(revision)s)
RETURNING created_at

-- name: delete
DELETE FROM gateway_credential WHERE gateway_key = %(key)s

-- name: revision
SELECT revision FROM broker_revision

-- name: accounts
SELECT g.gateway_id, c.password_hash FROM gateway_credential c JOIN gateway g USING (gateway_key)
ORDER BY g.gateway_id
