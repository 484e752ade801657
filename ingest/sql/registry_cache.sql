-- The registry as ingest needs it, as far as it changed since a revision; read by registry_cache.py.

-- name: instruments
SELECT i.instrument_id, i.instrument_key, v.valid_from, v.force_to, v.hold_us, v.interval_us,
       v.gateway_key, v.session_gap_us + v.session_min_us, v.power_rule,
       v.source->>'mapping', v.source->>'device', v.source->>'channel', v.source->'metrics'
FROM instrument i JOIN instrument_version v USING (instrument_key)
WHERE i.changed_revision > %s
ORDER BY i.instrument_key, v.force_from

-- name: gateways
SELECT g.gateway_id, g.gateway_key, v.force_from, v.force_to, v.clock_correction_us
FROM gateway g JOIN gateway_version v USING (gateway_key)
WHERE g.changed_revision > %s
ORDER BY g.gateway_key, v.force_from

-- name: mappings
-- The newest version of each that is not shipped.
SELECT DISTINCT ON (name) name, version, document FROM mapping ORDER BY name, version DESC
