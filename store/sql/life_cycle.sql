-- The life cycle of instruments beside its dates, which are the registry's; read and written by
-- store/lifecycle/life_cycle.py.

-- name: now
-- Later than what this transaction itself wrote.
SELECT clock_timestamp()

-- name: notes
SELECT state, on_day, reason, actor, us(created_at) FROM life_cycle_note
WHERE instrument_key = %(key)s ORDER BY note_id

-- name: note
INSERT INTO life_cycle_note (instrument_key, state, on_day, reason, actor)
VALUES (%(key)s, %(state)s, %(on)s, %(reason)s, %(actor)s)

-- name: accepted_silent
SELECT v.instrument_key, i.instrument_id, v.institution_key, v.accepted_on,
       us((v.accepted_on + %(days)s::integer)::timestamp AT TIME ZONE v.timezone),
       CASE WHEN v.retired_on::timestamp AT TIME ZONE v.timezone <= %(now)s THEN 'retired'
            WHEN suspended_on(v.suspensions, (%(now)s AT TIME ZONE v.timezone)::date)
                THEN 'suspended' END
FROM instrument_version v
JOIN instrument i USING (instrument_key)
LEFT JOIN instrument_status s USING (instrument_key)
WHERE v.force_from <= %(now)s AND v.force_to > %(now)s
  AND (v.accepted_on + %(days)s::integer)::timestamp AT TIME ZONE v.timezone <= %(now)s
  AND s.first_at IS NULL
ORDER BY v.instrument_key
