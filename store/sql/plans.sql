-- What is planned of instruments within a horizon; read by store/figures/plans.py.

-- name: maintenance
-- Nobody else has it while it is worked on, either.
SELECT instrument_key, us(starts_at), us_end(ends_at) FROM maintenance
WHERE instrument_key = ANY (%(keys)s::integer[]) AND starts_at < %(end)s AND ends_at > %(start)s
  AND kind IN ('maintenance', 'engineering')

-- name: down
SELECT instrument_key, us(starts_at), us_end(ends_at) FROM maintenance
WHERE instrument_key = ANY (%(keys)s::integer[]) AND starts_at < %(end)s AND ends_at > %(start)s
  AND kind = 'down'

-- name: stopped
-- Under maintenance, worked on or down.
SELECT instrument_key, us(starts_at), us_end(ends_at) FROM maintenance
WHERE instrument_key = ANY (%(keys)s::integer[]) AND starts_at < %(end)s AND ends_at > %(start)s

-- name: stretches
-- All that began before an end, by kind: who is down may have been so for long.
SELECT instrument_key, kind, us(starts_at), us_end(ends_at) FROM maintenance
WHERE instrument_key = ANY (%(keys)s::integer[]) AND starts_at < %(end)s
  AND (kind = 'down' OR ends_at > %(start)s)

-- name: bookings
SELECT instrument_key, us(starts_at), us(ends_at) FROM booking
WHERE instrument_key = ANY (%(keys)s::integer[]) AND NOT is_cancelled
  AND starts_at < %(end)s AND ends_at > %(start)s

-- name: hours
-- Versions in force at some time of the horizon; what has no end is null.
SELECT instrument_key, institution_key,
       CASE WHEN isfinite(force_from) THEN us(force_from) END,
       CASE WHEN isfinite(force_to) THEN us(force_to) END, timezone, opening_hours::text
FROM instrument_version
WHERE instrument_key = ANY (%(keys)s::integer[]) AND force_from < %(end)s AND force_to > %(start)s

-- name: institution_hours
SELECT institution_key, CASE WHEN isfinite(force_from) THEN us(force_from) END,
       CASE WHEN isfinite(force_to) THEN us(force_to) END, opening_hours::text
FROM institution_version
WHERE institution_key = ANY (%(institutions)s::integer[])
  AND force_from < %(end)s AND force_to > %(start)s
