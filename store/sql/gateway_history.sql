-- What came of a gateway, by the buckets of a window; read by store/figures/gateway_history.py.
-- Buckets are given by their edges, one more than there are buckets.

-- name: heartbeats
-- By the device's own time: what came late is of the hour that it tells of. The skew is the smallest
-- receipt less device time of what came live and told its own time, garbage aside.
SELECT width_bucket(h.ts, %(edges)s::timestamptz[]) - 1, count(*),
       count(*) FILTER (WHERE h.flags & %(live)s = 0),
       min(us(h.received_at) - us(h.ts))
           FILTER (WHERE h.flags & %(live)s <> 0 AND h.flags & %(receipt_time)s = 0
                   AND h.received_at - h.ts BETWEEN interval '-1 day' AND interval '1 day')
FROM (SELECT DISTINCT instrument_key FROM instrument_version
      WHERE gateway_key = %(gateway)s
        AND (%(tenant)s::integer IS NULL OR institution_key = %(tenant)s)) AS i
JOIN heartbeat h ON h.instrument_key = i.instrument_key AND h.gateway_key = %(gateway)s
     AND h.ts >= %(start)s AND h.ts < %(end)s
GROUP BY 1

-- name: dead_letters
-- By receipt: what their times say is often what is wrong with them.
SELECT width_bucket(received_at, %(edges)s::timestamptz[]) - 1,
       sum(heartbeats * occurrences)::bigint
FROM dead_letter
WHERE gateway_id = %(gateway_id)s AND received_at >= %(start)s AND received_at < %(end)s
GROUP BY 1

-- name: gateway_key
SELECT gateway_key FROM gateway WHERE gateway_id = %(gateway_id)s

-- name: children
-- How many instruments were ever behind it.
SELECT count(DISTINCT instrument_key) FROM instrument_version WHERE gateway_key = %(gateway)s
