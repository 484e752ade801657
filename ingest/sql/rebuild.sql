-- Folding ranges again on request; read by rebuild.py.

-- name: oldest_kept
-- Where kept raw rows begin: what lies before it is final but for the longest hold (rule 6).
SELECT min(range_start) FROM timescaledb_information.chunks WHERE hypertable_name = 'heartbeat'

-- name: longest_hold
SELECT greatest(max(hold_us), 900000000) FROM instrument_version

-- name: note
-- One entry of the audit; its owner lends the right (0009_roles.sql).
SELECT note_rebuild(%s, %s, %s, %s)

-- name: all_keys
SELECT instrument_id, instrument_key FROM instrument ORDER BY instrument_id

-- name: keys
SELECT instrument_id, instrument_key FROM instrument WHERE instrument_id = ANY(%s)

-- name: first_final_segment
-- The first piece of a range whose raw heartbeats are gone.
SELECT min(starts_at) FROM segment
WHERE instrument_key = ANY(%s) AND starts_at >= %s AND starts_at < %s
  AND NOT EXISTS (SELECT FROM heartbeat h
                  WHERE h.instrument_key = segment.instrument_key AND h.ts <= segment.starts_at)
