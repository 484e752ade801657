-- The registry as ingest needs it, as far as it changed since a revision; read by registry_cache.py.

-- name: instruments
-- Versions that say the same are one row with the instruments that have it, in a city those behind one
-- gateway: a row each would take three times as long. An instrument's versions come one after the other.
SELECT v.valid_from, v.force_to, v.hold_us, v.interval_us, v.gateway_key, v.power_rule,
       v.source->>'mapping', v.source->>'device', v.source->>'channel', v.source->'metrics',
       v.session_gap_us + v.session_min_us, array_agg(i.instrument_key), array_agg(i.instrument_id)
FROM instrument i JOIN instrument_version v USING (instrument_key)
WHERE i.changed_revision > %s
GROUP BY v.force_from, v.valid_from, v.force_to, v.hold_us, v.interval_us, v.gateway_key,
         v.power_rule, v.source, v.session_gap_us + v.session_min_us
ORDER BY v.force_from

-- name: gateways
SELECT g.gateway_id, g.gateway_key, v.force_from, v.force_to, v.clock_correction_us
FROM gateway g JOIN gateway_version v USING (gateway_key)
WHERE g.changed_revision > %s
ORDER BY g.gateway_key, v.force_from

-- name: mappings
-- The newest version of each that is not shipped.
SELECT DISTINCT ON (name) name, version, document FROM mapping ORDER BY name, version DESC
