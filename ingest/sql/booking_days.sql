-- What bookings came to by day; read and written by ingest/upkeep/booking_days.py.

-- name: alone
-- Nobody changes bookings or tolerances meanwhile; where somebody does, another turn will do.
SELECT pg_try_advisory_xact_lock(1651469940, 0)

-- name: take
SELECT instrument_key, day FROM booking_day_todo
WHERE due_at <= now() ORDER BY due_at, day, instrument_key LIMIT %s

-- name: upsert
INSERT INTO booking_day (instrument_key, day, first_day, last_day, {columns})
SELECT * FROM unnest(%s::int[], %s::date[], %s::date[], %s::date[], {arrays})
ON CONFLICT (day, instrument_key) DO UPDATE
SET (first_day, last_day, {columns}) = ROW (EXCLUDED.first_day, EXCLUDED.last_day, {excluded})

-- name: done
DELETE FROM booking_day_todo t USING unnest(%s::int[], %s::date[]) AS d (key, day)
WHERE t.instrument_key = d.key AND t.day = d.day

-- name: later
UPDATE booking_day_todo t SET due_at = l.due_at
FROM unnest(%s::int[], %s::date[], %s::timestamptz[]) AS l (key, day, due_at)
WHERE t.instrument_key = l.key AND t.day = l.day

-- name: clear
DELETE FROM booking_day

-- name: mark_all
-- By the zone that the rollups have now.
INSERT INTO booking_day_todo (instrument_key, day, due_at)
SELECT DISTINCT b.instrument_key, d::date,
       (d::date + 1)::timestamp AT TIME ZONE %(zone)s + interval '20 minutes'
FROM booking b,
     generate_series((b.starts_at AT TIME ZONE %(zone)s)::date,
                     ((b.ends_at - interval '1 microsecond') AT TIME ZONE %(zone)s)::date,
                     interval '1 day') AS d
WHERE NOT b.is_cancelled
ON CONFLICT (day, instrument_key) DO UPDATE SET due_at = EXCLUDED.due_at
