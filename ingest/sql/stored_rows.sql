-- The heartbeats that are stored, one by one and by range; sent by stored_rows.py.

-- name: standing
-- The rows that stand at some instruments' times.
SELECT w.key,
-- include: heartbeat_columns.raw
FROM unnest(%s::int[], %s::timestamptz[]) AS w (key, at)
JOIN heartbeat h ON h.instrument_key = w.key AND h.ts = w.at
WHERE h.ts BETWEEN %s AND %s

-- name: between
SELECT
-- include: heartbeat_columns.raw
FROM heartbeat WHERE instrument_key = %s AND ts >= %s AND ts <= %s ORDER BY ts

-- name: following
SELECT
-- include: heartbeat_columns.raw
FROM heartbeat WHERE instrument_key = %s AND ts > %s ORDER BY ts LIMIT 200

-- name: before
-- The newest row that counts before a time.
SELECT
-- include: heartbeat_columns.raw
FROM heartbeat WHERE instrument_key = %s AND ts < %s
  AND flags & 66 = 0  -- not PASSED_OVER
ORDER BY ts DESC LIMIT 1

-- name: reading_before
-- The same of those with a counter's reading.
SELECT
-- include: heartbeat_columns.raw
FROM heartbeat WHERE instrument_key = %s AND ts < %s
  AND flags & 2 = 0  -- not STALE
  AND runtime_s IS NOT NULL AND state >= 0
ORDER BY ts DESC LIMIT 1

-- name: live_before
-- The same of those that were live at their receipt.
SELECT
-- include: heartbeat_columns.raw
FROM heartbeat WHERE instrument_key = %s AND ts < %s
  AND flags & 2 = 0  -- not STALE
  AND flags & 1 <> 0  -- LIVE
  AND flags & 128 = 0  -- not OFFLINE_WORD
ORDER BY ts DESC LIMIT 1

-- name: any_after
SELECT
-- include: heartbeat_columns.raw
FROM heartbeat WHERE instrument_key = %s AND ts > %s ORDER BY ts LIMIT 1

-- name: after
-- The first row that counts after a time.
SELECT
-- include: heartbeat_columns.raw
FROM heartbeat WHERE instrument_key = %s AND ts > %s
  AND flags & 66 = 0  -- not PASSED_OVER
ORDER BY ts LIMIT 1

-- name: reading_after
-- The same of those with a counter's reading.
SELECT
-- include: heartbeat_columns.raw
FROM heartbeat WHERE instrument_key = %s AND ts > %s
  AND flags & 2 = 0  -- not STALE
  AND runtime_s IS NOT NULL AND state >= 0
ORDER BY ts LIMIT 1

-- name: reads
SELECT 1 FROM heartbeat
WHERE instrument_key = %s AND ts >= %s AND ts <= %s AND runtime_s IS NOT NULL LIMIT 1

-- name: replace
-- The row of an instrument and time is another heartbeat now.
UPDATE heartbeat SET flags = %s, state = %s, received_at = %s, gateway_key = %s, seq = %s,
       power_w = %s, runtime_s = %s, energy_wh = %s, interval_s = %s, boot_id = %s
WHERE instrument_key = %s AND ts = %s

-- name: make_live
UPDATE heartbeat SET flags = flags | 1  -- LIVE
WHERE instrument_key = %s AND ts = %s

-- name: set_judged
UPDATE heartbeat h SET flags = j.flags, state = j.state
FROM unnest(%s::timestamptz[], %s::int[], %s::int[]) AS j (ts, flags, state)
WHERE h.instrument_key = %s AND h.ts = j.ts AND h.ts BETWEEN %s AND %s

-- name: set_flags
UPDATE heartbeat h SET flags = f.flags
FROM unnest(%s::timestamptz[], %s::int[]) AS f (ts, flags)
WHERE h.instrument_key = %s AND h.ts = f.ts AND h.ts BETWEEN %s AND %s
