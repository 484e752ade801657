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

-- name: freeze_held
-- Nineteen numbers an instrument, one after the other.
INSERT INTO period_held
SELECT %(period)s, i.instrument_key, n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10],
       n[11], n[12], n[13], n[14], n[15], n[16], n[17], n[18], n[19]
FROM unnest(%(instruments)s::text[]) WITH ORDINALITY AS t (id, place)
JOIN instrument i ON i.instrument_id = t.id,
     LATERAL (SELECT (%(numbers)s::bigint[])[19 * (place - 1) + 1 : 19 * place] AS n) AS own

-- name: held
SELECT CASE %(by)s::text WHEN 'institution' THEN s.institution_id
                         WHEN 'instrument' THEN s.instrument_id
                         WHEN 'class' THEN s.subject ->> 'class_code'
                         WHEN 'district' THEN s.subject ->> 'district_code' END AS key,
       count(*), sum(used_us), sum(booked_us), sum(used_booked_us), sum(unknown_booked_us),
       sum(bookings), sum(kept), sum(late), sum(early_leave), sum(overrun), sum(no_show),
       sum(blocked), sum(undetermined), sum(reports), sum(counted_us), sum(excess_us),
       sum(consistent), sum(over_reported), sum(under_reported), sum(unmeasured)
FROM period_held h LEFT JOIN period_subject s USING (period_id, instrument_key)
WHERE h.period_id = %(id)s
GROUP BY 1 ORDER BY 1 NULLS LAST
