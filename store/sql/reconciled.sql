-- Bookings held against measured use; read and written by reconciled.py, judged.py and
-- booking_days.py of store/figures.

-- name: bookings
-- Of instruments, those that touch a window, whole.
SELECT b.instrument_key, b.booking_key, us(b.starts_at), us(b.ends_at) FROM booking b
WHERE b.instrument_key = ANY (%(keys)s::integer[]) AND NOT b.is_cancelled
  AND b.starts_at < %(end)s AND b.ends_at > %(start)s

-- name: booked_instruments
-- Those that bookings touch on some days, whether these have rows yet or not.
SELECT instrument_key FROM booking_day
WHERE day BETWEEN %(first)s AND %(last)s
  AND (%(keys)s::integer[] IS NULL OR instrument_key = ANY (%(keys)s::integer[]))
UNION
SELECT instrument_key FROM booking_day_todo
WHERE day BETWEEN %(first)s AND %(last)s
  AND (%(keys)s::integer[] IS NULL OR instrument_key = ANY (%(keys)s::integer[]))

-- name: tolerances
SELECT us(valid_from) AS start_us, early_s, grace_s, overrun_s, leave_s FROM booking_tolerance
ORDER BY valid_from

-- name: tolerance_put
INSERT INTO booking_tolerance (valid_from, early_s, grace_s, overrun_s, leave_s)
VALUES (%(valid_from)s, %(early_s)s, %(grace_s)s, %(overrun_s)s, %(leave_s)s)
ON CONFLICT (valid_from) DO UPDATE SET early_s = EXCLUDED.early_s, grace_s = EXCLUDED.grace_s,
    overrun_s = EXCLUDED.overrun_s, leave_s = EXCLUDED.leave_s

-- name: forget_from
SELECT booking_day_forget_from(%(valid_from)s)

-- name: booking_days
-- By instrument, what the rows of some days add up to; one instrument's sums fit into 64 bits.
SELECT instrument_key, sum_us(booked_us), sum_us(used_booked_us), sum_us(unknown_booked_us),
       sum_us(bookings), sum_us(kept), sum_us(late), sum_us(early_leave), sum_us(overrun),
       sum_us(no_show), sum_us(blocked), sum_us(undetermined)
FROM booking_day
WHERE day >= %(first)s AND day < %(end)s
  AND (%(keys)s::integer[] IS NULL OR instrument_key = ANY (%(keys)s::integer[]))
GROUP BY instrument_key

-- name: waiting
-- Days of instruments that bookings touch and that have no row.
SELECT instrument_key, day FROM booking_day_todo
WHERE day >= %(first)s AND day < %(end)s
  AND (%(keys)s::integer[] IS NULL OR instrument_key = ANY (%(keys)s::integer[]))
ORDER BY instrument_key, day

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
-- In a closed period an answer is added, and the one that its closing found stays.
WITH closed AS (
    SELECT FROM period_booking WHERE booking_key = %(key)s
), amended AS (
    INSERT INTO booking_answer_amendment (booking_key, text, actor)
    SELECT %(key)s, %(text)s, %(actor)s WHERE EXISTS (SELECT FROM closed)
)
INSERT INTO booking_answer (booking_key, text, actor)
SELECT %(key)s, %(text)s, %(actor)s WHERE NOT EXISTS (SELECT FROM closed)
ON CONFLICT (booking_key) DO UPDATE SET text = EXCLUDED.text, actor = EXCLUDED.actor,
    answered_at = now()

-- name: amendments
SELECT booking_key, text, actor, us(answered_at) FROM booking_answer_amendment
WHERE booking_key = ANY (%(keys)s::bigint[]) ORDER BY amendment_id

-- name: next_day
-- Of the days from one on, the first on which bookings may have one of some verdicts, and whose: by
-- its rows, or where it has none (yet).
WITH day AS (
    SELECT least(
        (SELECT day FROM booking_day WHERE day BETWEEN %(first)s AND %(last)s
           AND (kept * %(kept)s + late * %(late)s + early_leave * %(early_leave)s
                + overrun * %(overrun)s + no_show * %(no_show)s + blocked * %(blocked)s
                + undetermined * %(undetermined)s) > 0
         ORDER BY day LIMIT 1),
        (SELECT day FROM booking_day_todo WHERE day BETWEEN %(first)s AND %(last)s
         ORDER BY day LIMIT 1)) AS day
)
SELECT day, array(
    SELECT instrument_key FROM booking_day b
    WHERE b.day = d.day
      AND (kept * %(kept)s + late * %(late)s + early_leave * %(early_leave)s + overrun * %(overrun)s
           + no_show * %(no_show)s + blocked * %(blocked)s + undetermined * %(undetermined)s) > 0
    UNION
    SELECT instrument_key FROM booking_day_todo t WHERE t.day = d.day)
FROM day d WHERE day IS NOT NULL
