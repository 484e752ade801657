-- When a worker was listening, and for whom (rule 14); written by listening.py.

-- name: close_earlier
-- A row of an earlier life of the worker ends where that life last said so.
UPDATE collector_listening SET closed = true WHERE worker = %s AND NOT closed

-- name: begin
INSERT INTO collector_listening (worker, gateways, starts_at, ends_at)
VALUES (%s, %s, clock_timestamp(), clock_timestamp()) RETURNING listening_id

-- name: extend
UPDATE collector_listening SET ends_at = clock_timestamp() WHERE listening_id = %s

-- name: close
UPDATE collector_listening SET closed = true WHERE listening_id = %s

-- name: clock
SELECT extract(epoch FROM clock_timestamp())::float8

-- name: name
SELECT set_config('application_name', %s, false)
