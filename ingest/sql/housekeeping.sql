-- What housekeeping takes turns at; read by housekeeping.py.

-- name: lock
-- One worker at a time keeps house.
SELECT pg_try_advisory_lock(%s)

-- name: next_rebuild
SELECT rebuild_id, instrument_key, starts_at, ends_at FROM rebuild_todo
ORDER BY rebuild_id LIMIT 1 FOR UPDATE SKIP LOCKED

-- name: rebuilt
DELETE FROM rebuild_todo WHERE rebuild_id = %s
