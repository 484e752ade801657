-- What housekeeping takes turns at; read by housekeeping.py.

-- name: lock
-- One worker at a time keeps house.
SELECT pg_try_advisory_lock(%s)

-- name: next_rebuild
SELECT rebuild_id, instrument_key, starts_at, ends_at FROM rebuild_todo
ORDER BY rebuild_id LIMIT 1 FOR UPDATE SKIP LOCKED

-- name: runs_due
-- Runs of samples that have lasted by now without another row, and wait to count. Those that count
-- already are kept: the next row may still show that they did not last.
SELECT instrument_key, run_ts_us, newest_ts FROM instrument_status
WHERE run_until_us > 0 AND run_until_us <= us(now()) AND run_until_us <= us(credit_until)
  AND state <> level
ORDER BY run_until_us LIMIT 200

-- name: rebuilt
DELETE FROM rebuild_todo WHERE rebuild_id = %s
