-- What holds now that is an alert; read by the files of ingest/alerting. Times are microseconds
-- since 1970.

-- name: failing_feeds
-- Whether it is told whatever its age: the address is lost, or was told already.
SELECT f.feed_key, f.name, f.institution_key, us(f.failing_since),
       f.is_lost OR EXISTS (SELECT FROM alert a
                            WHERE a.kind = 'booking_feed_failing' AND a.subject_key = f.feed_key
                              AND a.closed_at IS NULL),
       (SELECT count(DISTINCT b.instrument_key) FROM booking b
        WHERE b.feed_key = f.feed_key AND NOT b.is_cancelled AND b.ends_at > now())
FROM booking_feed f
WHERE f.url IS NOT NULL AND f.failing_since IS NOT NULL

-- name: dead_letters
-- Gateways with that many dead letters in one of the last two hours of the clock: since when, how
-- many in the worse of them, and why most of these. Rows folded by topic and hour are of one hour.
WITH hourly AS (
    SELECT g.gateway_key, g.gateway_id, date_trunc('hour', d.received_at, 'UTC') AS hour, d.reason,
           min(coalesce(d.first_at, d.received_at)) AS first_at,
           sum(d.heartbeats * d.occurrences) AS letters
    FROM dead_letter d JOIN gateway g USING (gateway_id)
    WHERE d.received_at >= %(since)s
    GROUP BY g.gateway_key, g.gateway_id, hour, d.reason
), hours AS (
    SELECT gateway_key, gateway_id, hour, min(first_at) AS first_at,
           sum(letters)::bigint AS letters,
           (array_agg(reason ORDER BY letters DESC, reason))[1] AS reason
    FROM hourly GROUP BY gateway_key, gateway_id, hour
    HAVING sum(letters) >= %(bound)s
)
SELECT DISTINCT ON (gateway_key)
       gateway_key, gateway_id, us(min(first_at) OVER (PARTITION BY gateway_key)), letters, reason
FROM hours ORDER BY gateway_key, letters DESC, hour

-- name: homes
-- Whose some gateways are, how many it has, and how many instruments are behind each.
WITH home AS (
    -- include: homes.home
)
SELECT h.gateway_key, h.institution_key, n.institution_id,
       (SELECT count(*) FROM home o WHERE o.institution_key = h.institution_key), h.instruments
FROM home h JOIN institution n USING (institution_key)
WHERE h.gateway_key = ANY (%s::integer[])

-- name: all_homes
SELECT h.gateway_key, g.gateway_id, h.institution_key, n.institution_id, h.instruments
FROM (
    -- include: homes.home
) h
JOIN gateway g USING (gateway_key) JOIN institution n USING (institution_key)
ORDER BY h.institution_key, h.gateway_key

-- name: meters
-- Instruments whose meter disagrees, and how many behind their gateway have one that might.
SELECT v.instrument_key, i.instrument_id, v.institution_key, v.gateway_key, g.gateway_id,
       min(v.institution_key) OVER (PARTITION BY v.gateway_key),
       (SELECT count(*)::integer FROM instrument_version o JOIN instrument_status t USING (instrument_key)
        WHERE o.gateway_key = v.gateway_key AND o.force_from <= now() AND o.force_to > now()
          AND (t.reading_at IS NOT NULL OR t.counter_disagrees OR t.energy_disagrees)),
       s.counter_disagrees
FROM instrument_status s
JOIN instrument i USING (instrument_key)
JOIN instrument_version v ON v.instrument_key = s.instrument_key
     AND v.force_from <= now() AND v.force_to > now()
JOIN gateway g USING (gateway_key)
WHERE (s.counter_disagrees OR s.energy_disagrees)
  AND (v.retired_on IS NULL OR v.retired_on::timestamp AT TIME ZONE v.timezone > now())
ORDER BY v.instrument_key

-- name: day_waits
SELECT count(*) > %(most)s FROM (
    SELECT FROM rollup_todo WHERE day = %(day)s LIMIT %(most)s + 1) AS waiting

-- name: told_silent
-- Instruments of which an alert of silence told at some time of a day, at whatever width.
WITH told AS (
    SELECT kind, subject_key FROM alert
    WHERE kind IN ('institution_silent', 'gateway_silent', 'instrument_silent')
      AND since < %(end)s AND (closed_at IS NULL OR closed_at > %(start)s)
)
SELECT v.instrument_key FROM instrument_version v
WHERE v.force_from <= now() AND v.force_to > now()
  AND EXISTS (SELECT FROM told t
              WHERE (t.kind, t.subject_key) IN (
                  ('institution_silent', v.institution_key), ('gateway_silent', v.gateway_key),
                  ('instrument_silent', v.instrument_key)))
