-- What is past its time; read by retention.py.

-- name: ages
-- The clock, the newest accepted heartbeat, the end of the oldest chunk, and a margin: a heartbeat
-- at the border of what is taken is folded together with the row before it, which may be as much
-- older as the longest hold; and a transaction may have begun before we look.
SELECT clock_timestamp(),
       (SELECT max(newest_ts) FROM instrument_status),
       (SELECT min(range_end) FROM timescaledb_information.chunks
        WHERE hypertable_name = 'heartbeat'),
       (SELECT greatest(coalesce(max(hold_us), 0), 3600000000) * interval '1 microsecond'
        FROM instrument_version)

-- name: drop_chunks
SELECT drop_heartbeat_chunks(%s::timestamptz)

-- name: drop_words
-- Gateways' words whose connection was followed by others: what they said stands in the absences.
DELETE FROM gateway_word w
WHERE place < least(now(), (SELECT max(newest_ts) FROM instrument_status)) - %s
  AND place < (SELECT max(n.place) FROM gateway_word n
               WHERE n.gateway_key = w.gateway_key AND n.begins)

-- name: drop_letters
DELETE FROM dead_letter WHERE dead_letter_id IN (
    SELECT dead_letter_id FROM dead_letter
    WHERE received_at < least(now(), (SELECT max(newest_ts) FROM instrument_status)) - %s
    ORDER BY received_at LIMIT 10000)
