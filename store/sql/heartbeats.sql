-- Raw heartbeats with the settings in force at their time; read by heartbeats.py, readings.py.

-- name: listed
SELECT us(h.ts), us(h.received_at), h.flags, h.state, h.seq, h.boot_id, h.power_w, h.runtime_s,
       h.energy_wh, h.interval_s, g.gateway_id,
       coalesce(c.clock_correction_us, 0), v.hold_us, v.interval_us, v.power_rule::text,
       CASE WHEN isfinite(v.force_from) THEN us(v.force_from) END
FROM heartbeat h
LEFT JOIN gateway g ON g.gateway_key = h.gateway_key
LEFT JOIN gateway_version c ON c.gateway_key = h.gateway_key
     AND c.force_from <= h.ts AND c.force_to > h.ts
LEFT JOIN instrument_version v ON v.instrument_key = h.instrument_key
     AND v.force_from <= h.ts AND v.force_to > h.ts
WHERE h.instrument_key = %(key)s AND h.ts >= %(start)s AND h.ts < %(end)s
ORDER BY h.ts
LIMIT %(limit)s

-- name: corrections
-- The smallest and the greatest correction of the gateways that an instrument was behind.
SELECT coalesce(min(c.clock_correction_us), 0), coalesce(max(c.clock_correction_us), 0)
FROM instrument_version v JOIN gateway_version c USING (gateway_key)
WHERE v.instrument_key = %(key)s

-- name: last_counted
-- Stale repeats count for nothing, and a word that the device is there ends no credit.
SELECT us(h.ts)
FROM heartbeat h
WHERE h.instrument_key = %(key)s AND h.ts < %(before)s AND h.ts >= %(since)s
  AND h.flags & 66 = 0  -- not PASSED_OVER
ORDER BY h.ts DESC
LIMIT 1

-- name: readings_within
-- The hour meter's readings within some pieces, by corrected time. Rows are sought around a piece by
-- the corrections of the gateways that the instrument was behind; repeats count for nothing.
WITH w AS MATERIALIZED (
    SELECT u.n, u.key, us(u.since) AS since_us, us(u.until) AS until_us, p.least, p.most,
           u.since - interval '1 microsecond' * p.most AS first,
           u.until - interval '1 microsecond' * p.least AS last
    FROM unnest(%(keys)s::integer[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
         WITH ORDINALITY AS u (key, since, until, n)
    CROSS JOIN LATERAL (
        SELECT coalesce(min(c.clock_correction_us), 0) AS least,
               coalesce(max(c.clock_correction_us), 0) AS most
        FROM instrument_version v JOIN gateway_version c USING (gateway_key)
        WHERE v.instrument_key = u.key) p)
SELECT w.n, r.times, r.readings
FROM w
CROSS JOIN LATERAL (
    SELECT array_agg(at_us ORDER BY at_us, ts) AS times,
           array_agg(runtime_us ORDER BY at_us, ts) AS readings
    FROM (SELECT h.ts, (h.runtime_s * 1000000)::bigint AS runtime_us,
                 us(h.ts) + CASE WHEN w.least = w.most THEN w.least ELSE coalesce(
                     (SELECT c.clock_correction_us FROM gateway_version c
                      WHERE c.gateway_key = h.gateway_key
                        AND c.force_from <= h.ts AND c.force_to > h.ts), 0) END AS at_us
          FROM heartbeat h
          WHERE h.instrument_key = w.key AND h.ts >= w.first AND h.ts < w.last
            AND h.runtime_s IS NOT NULL AND h.state >= 0 AND h.flags & 2 = 0  -- not STALE
          OFFSET 0) h  -- a fence: each time is computed once
    WHERE at_us >= w.since_us AND at_us < w.until_us
) r
WHERE r.times IS NOT NULL

-- name: conflicts
-- In an order, and without a count, that redeliveries in another order leave alone.
SELECT dead_letter_id, us(ts), us(received_at), detail, gateway_id
FROM dead_letter
WHERE instrument_id = %(id)s AND reason = 'conflict' AND ts >= %(start)s AND ts < %(end)s
ORDER BY ts, digest
LIMIT %(limit)s
