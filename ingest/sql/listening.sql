-- When a worker was listening, and for whom (rule 14); written by listening.py.

-- name: close_earlier
-- A row of an earlier life of the worker ends where that life last said so.
UPDATE collector_listening SET closed = true WHERE worker = %s AND NOT closed

-- name: begin
INSERT INTO collector_listening (worker, gateways, starts_at, ends_at)
VALUES (%(worker)s, %(gateways)s, %(now)s, %(now)s) RETURNING listening_id

-- name: extend
UPDATE collector_listening SET ends_at = %s WHERE listening_id = %s

-- name: close
UPDATE collector_listening SET closed = true WHERE listening_id = %s

-- name: clock
SELECT now(), extract(epoch FROM now())::float8

-- name: name
SELECT set_config('application_name', %s, false)
