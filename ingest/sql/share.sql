-- Which gateways there are and who listens for them; read by share.py.

-- name: revision
SELECT revision FROM registry_revision

-- name: gateways
SELECT gateway_id FROM gateway ORDER BY gateway_key

-- name: others
-- For whom other workers listen now; one row of NULL where one listens for all.
SELECT DISTINCT unnest(coalesce(gateways, ARRAY[NULL]::text[]))
FROM collector_listening
WHERE worker <> %s AND NOT closed AND ends_at > clock_timestamp() - interval '5 seconds'
