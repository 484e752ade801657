-- Bookings of closed periods; read and written by store/reports/verdicts.py.

-- name: booked
SELECT DISTINCT instrument_key FROM booking
WHERE instrument_key = ANY (%(keys)s::int[]) AND NOT is_cancelled
  AND starts_at >= %(start)s AND starts_at < %(end)s
ORDER BY instrument_key

-- name: freeze
INSERT INTO period_booking (period_id, booking_key, instrument_key, starts_at, ends_at, verdicts,
                            used_us, unknown_us)
SELECT %(period)s, b, k, s, e, string_to_array(v, ' '), used, unknown
FROM unnest(%(bookings)s::bigint[], %(keys)s::int[], %(starts)s::timestamptz[],
            %(ends)s::timestamptz[], %(verdicts)s::text[], %(used)s::bigint[],
            %(unknown)s::bigint[]) AS t (b, k, s, e, v, used, unknown)

-- name: frozen
SELECT DISTINCT ON (b.booking_key) b.booking_key, b.period_id, us(p.closed_at), b.verdicts,
       b.used_us, b.unknown_us
FROM period_booking b JOIN period p USING (period_id)
WHERE b.booking_key = ANY (%(bookings)s::bigint[])
ORDER BY b.booking_key, p.closed_at, b.period_id
