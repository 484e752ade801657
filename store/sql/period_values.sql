-- What was said of instruments and periods that nothing measures. Read and written by
-- reports/values.py.

-- name: all
SELECT i.instrument_id, v.fields FROM period_value v JOIN instrument i USING (instrument_key)
WHERE v.period_id = %(period)s

-- name: find
SELECT v.fields, v.actor, us(v.changed_at) FROM period_value v
WHERE v.period_id = %(period)s AND v.instrument_key = %(instrument)s

-- name: write
-- Those that say something else than what stands there; whether each is new.
INSERT INTO period_value (period_id, instrument_key, fields, actor)
SELECT %(period)s, t.instrument_key, t.fields::jsonb, %(actor)s
FROM unnest(%(instruments)s::int[], %(fields)s::text[]) AS t (instrument_key, fields)
ON CONFLICT (period_id, instrument_key) DO UPDATE
    SET fields = excluded.fields, actor = excluded.actor, changed_at = now()
    WHERE period_value.fields <> excluded.fields
RETURNING xmax = 0

-- name: remove
DELETE FROM period_value WHERE period_id = %(period)s AND instrument_key = %(instrument)s
RETURNING fields
