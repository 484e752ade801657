-- What models/usage.py needs to measure, in microseconds; read by
-- subject.py, surroundings.py, rollups.py and measured.py.

-- name: moment
SELECT us(now()), (SELECT value FROM service_setting WHERE name = 'rollup_zone'),
       (SELECT value::date FROM service_setting WHERE name = 'hours_from')

-- name: tracks
SELECT instrument_key, us(first_at), us(newest_at), us(credit_from), us(credit_until), state,
       us(segment_from), us(piece_from), piece_step_us, piece_counter_us, piece_counter_readings,
       piece_witness_counter_us, piece_witness_state_us, us(live_at), us(live_until)
FROM instrument_status
WHERE instrument_key = ANY (%(keys)s::integer[])

-- name: instrument_versions
SELECT instrument_key,
       CASE WHEN isfinite(force_from) THEN us(force_from) END,
       CASE WHEN isfinite(force_to) THEN us(force_to) END,
       institution_key, gateway_key, timezone, kind, rated_hours_per_year,
       opening_hours::text, hold_us, interval_us, session_gap_us, session_min_us, power_rule::text
FROM instrument_version
WHERE instrument_key = ANY (%(keys)s::integer[])
ORDER BY instrument_key, force_from

-- name: institution_versions
SELECT institution_key,
       CASE WHEN isfinite(force_from) THEN us(force_from) END,
       CASE WHEN isfinite(force_to) THEN us(force_to) END,
       opening_hours::text
FROM institution_version
WHERE institution_key = ANY (%(keys)s::integer[])
ORDER BY institution_key, force_from

-- name: maintenance
SELECT instrument_key, us(starts_at), us(ends_at)
FROM maintenance
WHERE instrument_key = ANY (%(keys)s::integer[]) AND kind = 'maintenance'
  AND starts_at < %(end)s AND ends_at > %(start)s

-- name: calendar_days
SELECT day, kind, as_weekday
FROM calendar_day
WHERE calendar = %(calendar)s AND day BETWEEN %(first)s AND %(last)s

-- name: listening
-- Records that overlap the range, and whether a record still counts as listening now.
SELECT us(starts_at), us(ends_at), gateways,
       NOT closed AND ends_at > now() - interval '15 seconds'
FROM collector_listening
WHERE starts_at < %(end)s AND ends_at >= %(start)s - interval '15 seconds'
ORDER BY starts_at

-- name: first_listening
-- The first record of all that speaks for every gateway, and the first for each one named.
SELECT us(min(starts_at)), NULL::text FROM collector_listening WHERE gateways IS NULL
UNION ALL
SELECT us(min(starts_at)), gateway_id
FROM collector_listening, unnest(gateways) AS named (gateway_id)
WHERE gateways IS NOT NULL
GROUP BY gateway_id

-- name: gateway_ids
SELECT gateway_key, gateway_id FROM gateway WHERE gateway_key = ANY (%(keys)s::integer[])

-- name: gateway_offline
SELECT gateway_key, us(starts_at), us(ends_at)
FROM gateway_offline
WHERE gateway_key = ANY (%(keys)s::integer[])
  AND starts_at < %(end)s AND (ends_at IS NULL OR ends_at > %(start)s)
ORDER BY gateway_key, starts_at

-- name: pieces
-- No piece is longer than the hour that it lies in, so its start is bounded on both sides:
-- that is what lets whole chunks go unread.
SELECT instrument_key, us(starts_at), us(ends_at), state, step_us,
       counter_us, counter_readings, witness_counter_us, witness_state_us
FROM segment
WHERE instrument_key = ANY (%(keys)s::integer[])
  AND starts_at >= %(start)s::timestamptz - interval '1 hour' AND starts_at < %(end)s
  AND ends_at > %(start)s
ORDER BY instrument_key, starts_at

-- name: packed_pieces
-- The same rows, packed: half a million of them are a second's work to unpack one by one.
-- A record is sent as its columns, each with type and length; none of them is NULL.
SELECT string_agg(record_send(ROW(instrument_key, state, starts_at, ends_at, step_us, counter_us,
                                  counter_readings, witness_counter_us, witness_state_us)),
                  ''::bytea)
FROM segment
WHERE instrument_key = ANY (%(keys)s::integer[])
  AND starts_at >= %(start)s::timestamptz - interval '1 hour' AND starts_at < %(end)s
  AND ends_at > %(start)s

-- name: under_maintenance
SELECT DISTINCT instrument_key
FROM maintenance
WHERE instrument_key = ANY (%(keys)s::integer[]) AND kind = 'maintenance'
  AND starts_at < %(end)s AND ends_at > %(start)s

-- name: rollup_sums
-- One instrument's sums fit into 64 bits for 290,000 years.
SELECT instrument_key, (%(index_of)s::integer[])[day - %(first)s::date + 1] AS index, count(*),
       sum_us(running_us),
       sum_us(idle_us),
       sum_us(off_us),
       sum_us(unknown_before_first_us),
       sum_us(unknown_collector_us),
       sum_us(unknown_gateway_us),
       sum_us(unknown_device_us),
       sum_us(scheduled_us),
       sum_us(running_scheduled_us),
       sum_us(effective_us),
       sum_us(session_idle_us),
       sum_us(rated_us),
       sum_us(counter_us),
       sum_us(counter_readings),
       sum_us(witness_counter_us),
       sum_us(witness_state_us),
       max(step_us)
FROM rollup_day
WHERE instrument_key = ANY (%(keys)s::integer[]) AND day >= %(first)s AND day < %(end)s
  AND (%(index_of)s::integer[])[day - %(first)s::date + 1] > 0
GROUP BY 1, 2

-- name: rollup_days_present
SELECT instrument_key, day
FROM rollup_day
WHERE instrument_key = ANY (%(keys)s::integer[]) AND day >= %(first)s AND day < %(end)s

-- name: last_pieces
-- Pieces up to a moment, the newest first.
SELECT us(starts_at), us(ends_at), state, step_us
FROM segment
WHERE instrument_key = %(key)s AND starts_at <= %(at)s
ORDER BY starts_at DESC
LIMIT %(limit)s
