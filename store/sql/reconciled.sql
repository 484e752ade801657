-- Bookings held against measured use; read and written by store/figures/reconciled.py.

-- name: bookings
-- Of instruments, those that touch a window, whole.
SELECT b.instrument_key, b.booking_key, us(b.starts_at), us(b.ends_at) FROM booking b
WHERE b.instrument_key = ANY (%(keys)s::integer[]) AND NOT b.is_cancelled
  AND b.starts_at < %(end)s AND b.ends_at > %(start)s

-- name: booked_instruments
SELECT DISTINCT instrument_key FROM booking
WHERE instrument_key = ANY (%(keys)s::integer[]) AND NOT is_cancelled
  AND starts_at < %(end)s AND ends_at > %(start)s

-- name: tolerances
SELECT us(valid_from), early_s, grace_s, overrun_s, leave_s FROM booking_tolerance
ORDER BY valid_from

-- name: tolerance_put
INSERT INTO booking_tolerance (valid_from, early_s, grace_s, overrun_s, leave_s)
VALUES (%(valid_from)s, %(early_s)s, %(grace_s)s, %(overrun_s)s, %(leave_s)s)
ON CONFLICT (valid_from) DO UPDATE SET early_s = EXCLUDED.early_s, grace_s = EXCLUDED.grace_s,
    overrun_s = EXCLUDED.overrun_s, leave_s = EXCLUDED.leave_s

-- name: answers
SELECT booking_key, text, actor, us(answered_at) FROM booking_answer
WHERE booking_key = ANY (%(keys)s::bigint[])

-- name: owned
-- Whether a booking is of an instrument that a key may see.
SELECT 1 FROM booking b JOIN instrument_version v ON v.instrument_key = b.instrument_key
     AND v.force_from <= now() AND v.force_to > now()
WHERE b.booking_key = %(key)s
  AND (%(tenant)s::integer IS NULL OR v.institution_key = %(tenant)s::integer)

-- name: answer
INSERT INTO booking_answer (booking_key, text, actor) VALUES (%(key)s, %(text)s, %(actor)s)
ON CONFLICT (booking_key) DO UPDATE SET text = EXCLUDED.text, actor = EXCLUDED.actor,
    answered_at = now()
