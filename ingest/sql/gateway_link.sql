-- What gateways say of themselves, and when they were off; read and written by gateway_link.py.

-- name: lock
-- Whoever takes a gateway's words is alone with them.
SELECT online, mqtt_session, last_status_at FROM gateway_status WHERE gateway_key = %s FOR UPDATE

-- name: known
-- Whether a word without a time was said before: the broker only repeats what it kept.
SELECT 1 FROM gateway_word
WHERE gateway_key = %s AND online = %s AND mqtt_session IS NOT DISTINCT FROM %s AND will = %s
  AND ts IS NULL LIMIT 1

-- name: say
-- A word that names its time and was said before counts from its earliest arrival; whether it begins
-- a connection there is not known yet.
INSERT INTO gateway_word AS w (gateway_key, place, online, mqtt_session, will, retained, ts)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (gateway_key, ts, online, will, mqtt_session) WHERE ts IS NOT NULL
DO UPDATE SET place = least(w.place, EXCLUDED.place), retained = w.retained AND EXCLUDED.retained,
              begins = w.begins AND EXCLUDED.place >= w.place
WHERE EXCLUDED.place < w.place OR w.retained AND NOT EXCLUDED.retained
RETURNING place

-- name: connection_at
-- Where the connection begins that was there at a place.
SELECT max(place) FROM gateway_word
WHERE gateway_key = %s AND place <= %s AND begins

-- name: connections_meant
-- Where, at a place, the first of the connections begins that words of the end from there on may mean:
-- a word in between decides which of them they do.
SELECT min(c.place)
FROM (SELECT DISTINCT mqtt_session FROM gateway_word
      WHERE gateway_key = %(gateway)s AND place >= %(first)s AND NOT online) AS e
CROSS JOIN LATERAL (
    SELECT place FROM gateway_word
    WHERE gateway_key = %(gateway)s AND place <= %(first)s AND begins
      AND mqtt_session = e.mqtt_session
    ORDER BY place DESC LIMIT 1) AS c

-- name: connection_within
-- Where the first connection begins that heartbeats with these receipts may have come within; what
-- came before all may be of the first one, if nobody saw it begin.
SELECT coalesce(
    (SELECT max(place) FROM gateway_word
     WHERE gateway_key = %(gateway)s AND begins AND place < %(first)s),
    (SELECT min(place) FROM gateway_word WHERE gateway_key = %(gateway)s AND begins))

-- name: words
SELECT place, online, mqtt_session, will, retained, ts, heard, heard_to FROM gateway_word
WHERE gateway_key = %s AND place >= %s
ORDER BY place, online DESC, mqtt_session, ts

-- name: heard
-- The newest time of the heartbeats that came through a gateway between two places. Only times after
-- the connection's beginning matter; among the last minutes of the device's clock, since what was
-- ahead of its receipt counts as received then, and corrections may differ by a spread.
SELECT max(least(us(h.ts) + coalesce(c.clock_correction_us, 0), us(h.received_at)))
FROM (SELECT DISTINCT instrument_key FROM instrument_version
      WHERE gateway_key = %(gateway)s) AS i
CROSS JOIN LATERAL (
    SELECT max(ts) AS ts FROM (
        SELECT ts FROM heartbeat
        WHERE instrument_key = i.instrument_key AND gateway_key = %(gateway)s
          AND ts > %(since)s AND ts <= %(until)s AND received_at > %(from)s AND received_at < %(to)s
        ORDER BY ts DESC LIMIT 1) AS newest) AS last
JOIN heartbeat h ON h.instrument_key = i.instrument_key AND h.gateway_key = %(gateway)s
     AND h.ts > last.ts - interval '1 microsecond' * %(spread)s AND h.ts <= last.ts
     AND h.received_at > %(from)s AND h.received_at < %(to)s
LEFT JOIN gateway_version c ON c.gateway_key = %(gateway)s
     AND c.force_from <= h.ts AND c.force_to > h.ts

-- name: mark
-- Which of the words from a place on begin a connection, and until when that was heard.
UPDATE gateway_word w SET begins = m.begins, heard = m.heard, heard_to = m.heard_to
FROM unnest(%s::timestamptz[], %s::bool[], %s::timestamptz[], %s::timestamptz[])
     AS m (place, begins, heard, heard_to)
WHERE w.gateway_key = %s AND w.place = m.place
  AND (w.begins, w.heard, w.heard_to) IS DISTINCT FROM (m.begins, m.heard, m.heard_to)

-- name: forget_absences
DELETE FROM gateway_offline WHERE gateway_key = %s AND place >= %s
RETURNING place, starts_at, ends_at

-- name: note_absence
INSERT INTO gateway_offline (gateway_key, place, starts_at, ends_at) VALUES (%s, %s, %s, %s)

-- name: stand
UPDATE gateway_status SET online = %s, mqtt_session = %s, since = %s, by_will = %s,
       last_status_at = greatest(last_status_at, %s)
WHERE gateway_key = %s

-- name: stand_on
UPDATE gateway_status SET last_status_at = %s WHERE gateway_key = %s

-- name: children
SELECT DISTINCT instrument_key FROM instrument_version WHERE gateway_key = %s

-- name: gateways_of
-- The gateways that an instrument was ever behind, and from where on their words are kept.
SELECT gateway_key, min(place) FROM gateway_word
WHERE begins AND gateway_key IN (SELECT gateway_key FROM instrument_version
                                 WHERE instrument_key = %s)
GROUP BY gateway_key ORDER BY gateway_key
