-- Raw heartbeats of instruments, packed, for judging samples anew; read by backtest.py.

-- name: oldest_kept
-- Where the oldest raw rows that are kept may begin.
SELECT us(min(range_start)) FROM timescaledb_information.chunks
WHERE hypertable_name = 'heartbeat'

-- name: corrections
-- Of gateways whose clocks were ever corrected, by the time from which each holds.
SELECT gateway_key, CASE WHEN isfinite(force_from) THEN us(force_from) END, clock_correction_us
FROM gateway_version
WHERE gateway_key IN (SELECT gateway_key FROM gateway_version WHERE clock_correction_us <> 0)
ORDER BY gateway_key, force_from

-- name: before
-- A row an instrument, from the last row before `settled` that stands whatever follows, up to
-- there: no run that had begun by then was still open. Arrays are sent as they are: millions of
-- rows are half a minute's work to unpack one by one. None of their elements is NULL; few devices name
-- their interval, and a row's mark says whether it is among the intervals.
SELECT k.key, f.ts IS NOT NULL, r.times, r.watts, r.intervals, r.marks
FROM unnest(%(keys)s::integer[]) AS k (key)
LEFT JOIN LATERAL (
    SELECT h.ts FROM heartbeat h
    WHERE h.instrument_key = k.key AND h.ts < %(settled)s AND h.ts >= %(oldest)s
      AND h.flags & 66 = 0  -- not PASSED_OVER
      AND (h.flags & 32 = 0  -- not SAMPLE
           OR h.state = ((h.flags >> 9) & 3) - 1)  -- of no run that may still be decided
    ORDER BY h.ts DESC
    LIMIT 1) f ON true
CROSS JOIN LATERAL (
    SELECT array_send(array_agg(h.ts)) AS times,
           array_send(array_agg(coalesce(h.power_w, 'NaN'))) AS watts,
           array_send(array_agg(h.interval_s) FILTER (WHERE h.interval_s IS NOT NULL)) AS intervals,
           array_send(array_agg((h.gateway_key::bigint << 32)
                                | ((h.interval_s IS NOT NULL)::integer << 24)
                                | (h.flags::integer << 8) | (h.state + 1))) AS marks
    FROM heartbeat h
    WHERE h.instrument_key = k.key AND h.flags & 2 = 0  -- not STALE
      AND h.ts >= coalesce(f.ts, %(oldest)s) AND h.ts < %(settled)s) r

-- name: within
-- The same of a stretch of time. Instruments' rows lie among one another: all at once, each page
-- is read once.
SELECT h.instrument_key,
       array_send(array_agg(h.ts)),
       array_send(array_agg(coalesce(h.power_w, 'NaN'))),
       array_send(array_agg(h.interval_s) FILTER (WHERE h.interval_s IS NOT NULL)),
       array_send(array_agg((h.gateway_key::bigint << 32)
                            | ((h.interval_s IS NOT NULL)::integer << 24)
                            | (h.flags::integer << 8) | (h.state + 1)))
FROM heartbeat h
WHERE h.instrument_key = ANY (%(keys)s::integer[]) AND h.flags & 2 = 0  -- not STALE
  AND h.ts >= %(since)s AND h.ts < %(until)s
GROUP BY 1

-- name: keys
-- Instruments by their ids, retired or not; those of another institution are left out.
SELECT i.instrument_id, i.instrument_key
FROM instrument i JOIN instrument_version v USING (instrument_key)
WHERE i.instrument_id = ANY (%(ids)s)
  AND v.force_from <= now() AND v.force_to > now()
  AND (%(tenant)s::integer IS NULL OR v.institution_key = %(tenant)s)
