-- The edge nodes that gateways are now; read by sparkplug_nodes.py.

-- name: nodes
SELECT v.sparkplug->>'group', v.sparkplug->>'node', g.gateway_id
FROM gateway_version v JOIN gateway g USING (gateway_key)
WHERE v.sparkplug IS NOT NULL AND v.force_from <= now() AND v.force_to > now()
