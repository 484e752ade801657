-- The pieces that are stored of an instrument; sent by stored_pieces.py.

-- name: between
SELECT starts_at, ends_at, state, step_us, counter_us, counter_readings, witness_counter_us,
       witness_state_us
FROM segment WHERE instrument_key = %s AND starts_at >= %s AND starts_at < %s ORDER BY starts_at

-- name: before
-- Newest first, PORTION of them.
SELECT starts_at, ends_at, state FROM segment
WHERE instrument_key = %s AND starts_at < %s ORDER BY starts_at DESC LIMIT 500

-- name: delete
DELETE FROM segment WHERE instrument_key = %s AND starts_at = ANY(%s) AND starts_at BETWEEN %s AND %s
