-- Compression of old raw heartbeats; read by compression.py.

-- name: edition
SELECT extversion, coalesce(current_setting('timescaledb.license', true), '')
FROM pg_extension WHERE extname = 'timescaledb'

-- name: candidates
-- Whole chunks older than both the clock and the newest accepted heartbeat allow, oldest first,
-- with how many rows ever came into each; a compressed one only if rows came in since.
SELECT format('%%I.%%I', chunk_schema, chunk_name) AS chunk,
       pg_stat_get_tuples_inserted(format('%%I.%%I', chunk_schema, chunk_name)::regclass)
FROM timescaledb_information.chunks
WHERE hypertable_name = 'heartbeat'
  AND range_end <= least(clock_timestamp(), (SELECT max(newest_ts) FROM instrument_status)) - %s
  AND (NOT is_compressed OR _timescaledb_functions.chunk_status_text(
       format('%%I.%%I', chunk_schema, chunk_name)::regclass) && ARRAY['PARTIAL', 'UNORDERED'])
ORDER BY range_end

-- name: waited_for
-- Whether somebody waits for a lock of one server process.
SELECT EXISTS (SELECT FROM pg_stat_activity
               WHERE wait_event_type = 'Lock' AND pg_blocking_pids(pid) @> ARRAY[%s::int])

-- name: wait_at_most
SELECT set_config('lock_timeout', %s, true)

-- name: compress
SELECT compress_heartbeat_chunk(%s::regclass)
