-- Raw heartbeats with the settings in force at their time; read by heartbeats.py, readings.py.

-- name: listed
SELECT us(h.ts), us(h.received_at), h.flags, h.state, h.seq, h.boot_id, h.power_w, h.runtime_s,
       h.energy_wh, h.interval_s, g.gateway_id,
       coalesce(c.clock_correction_us, 0), v.hold_us, v.interval_us
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
-- Newest first; stale repeats count for nothing.
SELECT us(h.ts)
FROM heartbeat h
WHERE h.instrument_key = %(key)s AND h.ts < %(before)s AND h.ts >= %(since)s AND h.flags & 2 = 0
ORDER BY h.ts DESC
LIMIT 1

-- name: around_pieces
-- The rows of some pieces, each from the counter reading before it on. How far back that is
-- looked for is bounded; whoever reads checks the sums.
SELECT w.n, us(h.ts), h.flags, h.state, h.seq, h.boot_id, h.power_w, h.runtime_s, h.interval_s,
       coalesce(c.clock_correction_us, 0), v.hold_us, v.interval_us
FROM (SELECT n, key, since - interval '1 microsecond' * pad AS since,
             until + interval '1 microsecond' * pad AS until
      FROM unnest(%(keys)s::integer[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
           WITH ORDINALITY AS u (key, since, until, n),
           (SELECT coalesce(max(abs(clock_correction_us)), 0) AS pad FROM gateway_version) AS p) w
CROSS JOIN LATERAL (
    SELECT coalesce(max(r.ts), w.since) AS since FROM heartbeat r
    WHERE r.instrument_key = w.key AND r.ts < w.since AND r.ts >= w.since - interval '1 day'
      AND r.runtime_s IS NOT NULL AND r.flags & 2 = 0
) b
JOIN heartbeat h ON h.instrument_key = w.key AND h.ts >= b.since AND h.ts < w.until
LEFT JOIN gateway_version c ON c.gateway_key = h.gateway_key
     AND c.force_from <= h.ts AND c.force_to > h.ts
LEFT JOIN instrument_version v ON v.instrument_key = h.instrument_key
     AND v.force_from <= h.ts AND v.force_to > h.ts

-- name: conflicts
-- In an order, and without a count, that redeliveries in another order leave alone.
SELECT dead_letter_id, us(ts), us(received_at), detail, gateway_id
FROM dead_letter
WHERE instrument_id = %(id)s AND reason = 'conflict' AND ts >= %(start)s AND ts < %(end)s
ORDER BY ts, digest
LIMIT %(limit)s
