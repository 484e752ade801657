-- What was measured in windows of self-reports; written by ingest/upkeep/reported_windows.py.

-- name: take
SELECT instrument_key, us(starts_at), us(ends_at) FROM reported_window
WHERE due_at <= now() ORDER BY due_at, instrument_key, starts_at, ends_at LIMIT %s

-- name: lock
-- In the order of their keys, as everybody does who writes several.
SELECT 1 FROM reported_window w
JOIN unnest(%s::int[], %s::timestamptz[], %s::timestamptz[]) AS t (key, starts, ends)
     ON (w.instrument_key, w.starts_at, w.ends_at) = (t.key, t.starts, t.ends)
ORDER BY w.instrument_key, w.starts_at, w.ends_at
FOR NO KEY UPDATE OF w

-- name: measured
UPDATE reported_window w SET effective_us = t.effective, unknown_us = t.unknown, due_at = NULL
FROM unnest(%s::int[], %s::timestamptz[], %s::timestamptz[], %s::bigint[], %s::bigint[])
     AS t (key, starts, ends, effective, unknown)
WHERE (w.instrument_key, w.starts_at, w.ends_at) = (t.key, t.starts, t.ends)

-- name: later
UPDATE reported_window w SET due_at = t.due
FROM unnest(%s::int[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[])
     AS t (key, starts, ends, due)
WHERE (w.instrument_key, w.starts_at, w.ends_at) = (t.key, t.starts, t.ends)
