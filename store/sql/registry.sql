-- Writes of the registry and their effects; what they mean is in models/registry_plan.py.

-- name: lock
-- Orders all registry writes: whoever holds the row writes alone, and readers of the revision
-- miss nothing.
SELECT revision FROM registry_revision FOR UPDATE

-- name: instrument_lock
-- The ingest holds these rows while it credits by the settings that it has read: once they are
-- ours, all of it that went by older settings is committed, and what follows reads the newer.
-- In key order, as everyone locks them.
SELECT count(*) FROM (
    SELECT 1 FROM instrument_status s JOIN instrument e USING (instrument_key)
    WHERE e.instrument_id = ANY (%(ids)s::text[])
    ORDER BY s.instrument_key FOR NO KEY UPDATE OF s
) locked

-- name: gateway_lock
-- A clock's correction is a setting of everything that speaks through the gateway.
SELECT count(*) FROM (
    SELECT 1 FROM instrument_status s
    WHERE s.instrument_key IN (
        SELECT v.instrument_key FROM instrument_version v JOIN gateway g USING (gateway_key)
        WHERE g.gateway_id = ANY (%(ids)s::text[]))
    ORDER BY s.instrument_key FOR NO KEY UPDATE
) locked

-- name: hold
SELECT count(*) FROM (
    SELECT 1 FROM instrument_status WHERE instrument_key = ANY (%(keys)s::integer[])
    ORDER BY instrument_key FOR NO KEY UPDATE
) locked

-- name: now
SELECT clock_timestamp()

-- name: bump
UPDATE registry_revision SET revision = %(revision)s

-- Where `tenant` is given, the record must be that institution's now; its past is shown whole.

-- name: institution_versions
SELECT e.institution_id, v.valid_from,
       -- fields: institution
FROM institution e JOIN institution_version v USING (institution_key)
WHERE e.institution_id = ANY (%(ids)s::text[])
  AND (%(tenant)s::integer IS NULL OR e.institution_key = %(tenant)s)
ORDER BY e.institution_id, v.valid_from

-- name: gateway_versions
SELECT e.gateway_id, v.valid_from,
       -- fields: gateway
FROM gateway e JOIN gateway_version v USING (gateway_key)
LEFT JOIN institution n ON n.institution_key = v.institution_key
WHERE e.gateway_id = ANY (%(ids)s::text[])
  AND (%(tenant)s::integer IS NULL OR EXISTS (
       SELECT FROM gateway_version h WHERE h.gateway_key = e.gateway_key
         AND h.force_from <= now() AND h.force_to > now() AND h.institution_key = %(tenant)s))
ORDER BY e.gateway_id, v.valid_from

-- name: instrument_versions
SELECT e.instrument_id, v.valid_from,
       -- fields: instrument
FROM instrument e JOIN instrument_version v USING (instrument_key)
JOIN institution n ON n.institution_key = v.institution_key
JOIN gateway g ON g.gateway_key = v.gateway_key
WHERE e.instrument_id = ANY (%(ids)s::text[])
  AND (%(tenant)s::integer IS NULL OR EXISTS (
       SELECT FROM instrument_version h WHERE h.instrument_key = e.instrument_key
         AND h.force_from <= now() AND h.force_to > now() AND h.institution_key = %(tenant)s))
ORDER BY e.instrument_id, v.valid_from

-- name: institution_known
SELECT institution_id FROM institution WHERE institution_id = ANY (%(ids)s::text[])
  AND (%(home)s::text IS NULL OR institution_id = %(home)s)

-- name: gateway_known
-- An institution binds to its own gateways, and to one that carries instruments of its own.
SELECT g.gateway_id FROM gateway g WHERE g.gateway_id = ANY (%(ids)s::text[])
  AND (%(home)s::text IS NULL
       OR EXISTS (SELECT FROM gateway_version v JOIN institution n USING (institution_key)
                  WHERE v.gateway_key = g.gateway_key AND n.institution_id = %(home)s
                    AND v.force_from <= now() AND v.force_to > now())
       OR EXISTS (SELECT FROM instrument_version v JOIN institution n USING (institution_key)
                  WHERE v.gateway_key = g.gateway_key AND n.institution_id = %(home)s
                    AND v.force_from <= now() AND v.force_to > now()))

-- name: mapping_known
-- Beside those that are shipped; everybody may name any.
SELECT name FROM mapping WHERE name = ANY (%(ids)s::text[])

-- Instruments in service that would be left behind: all of them are counted, and the first named
-- that are `home`'s.

-- name: institution_bound
SELECT n.institution_id, count(*),
       coalesce((array_agg(e.instrument_id ORDER BY e.instrument_id)
                 FILTER (WHERE %(home)s::text IS NULL OR n.institution_id = %(home)s)
                )[:%(shown)s::integer], '{}')
FROM institution n
JOIN instrument_version v USING (institution_key)
JOIN instrument e USING (instrument_key)
WHERE n.institution_id = ANY (%(ids)s::text[]) AND v.force_from <= now() AND v.force_to > now()
  AND coalesce(v.acquired_on <= %(today)s, true) AND coalesce(v.retired_on > %(today)s, true)
GROUP BY n.institution_id

-- name: gateway_bound
SELECT g.gateway_id, count(*),
       coalesce((array_agg(e.instrument_id ORDER BY e.instrument_id)
                 FILTER (WHERE %(home)s::text IS NULL OR n.institution_id = %(home)s)
                )[:%(shown)s::integer], '{}')
FROM gateway g
JOIN instrument_version v USING (gateway_key)
JOIN instrument e USING (instrument_key)
JOIN institution n ON n.institution_key = v.institution_key
WHERE g.gateway_id = ANY (%(ids)s::text[]) AND v.force_from <= now() AND v.force_to > now()
  AND coalesce(v.acquired_on <= %(today)s, true) AND coalesce(v.retired_on > %(today)s, true)
GROUP BY g.gateway_id

-- Who has what changes ask for and only one may have, and when: all fields that say what a version
-- holds; whether `home` may know of it.

-- name: institution_held_external_ids
SELECT DISTINCT jsonb_build_object('external_ids', v.external_ids), n.institution_id,
       greatest(v.valid_from, %(begin)s), least(v.force_to, %(end)s),
       %(home)s::text IS NULL OR n.institution_id = %(home)s
FROM jsonb_array_elements(%(asked)s::jsonb) AS a (ids)
CROSS JOIN LATERAL jsonb_each(a.ids) AS one (key, value)
JOIN institution_version v ON v.external_ids @> jsonb_build_object(one.key, one.value)
JOIN institution n USING (institution_key)

-- name: instrument_held_external_ids
SELECT DISTINCT jsonb_build_object('external_ids', v.external_ids), e.instrument_id,
       greatest(v.valid_from, %(begin)s), least(v.force_to, %(end)s),
       %(home)s::text IS NULL OR n.institution_id = %(home)s
FROM jsonb_array_elements(%(asked)s::jsonb) AS a (ids)
CROSS JOIN LATERAL jsonb_each(a.ids) AS one (key, value)
JOIN instrument_version v ON v.external_ids @> jsonb_build_object(one.key, one.value)
JOIN instrument e USING (instrument_key)
JOIN institution n ON n.institution_key = v.institution_key

-- name: instrument_held_source
SELECT DISTINCT jsonb_build_object('source', v.source, 'gateway_id', g.gateway_id),
       e.instrument_id, greatest(v.valid_from, %(begin)s), least(v.force_to, %(end)s),
       %(home)s::text IS NULL OR n.institution_id = %(home)s
FROM jsonb_array_elements(%(asked)s::jsonb) AS a (source)
JOIN instrument_version v ON v.source - 'metrics' = a.source - 'metrics'
JOIN instrument e USING (instrument_key)
JOIN gateway g ON g.gateway_key = v.gateway_key
JOIN institution n ON n.institution_key = v.institution_key

-- name: gateway_held_sparkplug
SELECT DISTINCT jsonb_build_object('sparkplug', v.sparkplug), g.gateway_id,
       greatest(v.valid_from, %(begin)s), least(v.force_to, %(end)s),
       %(home)s::text IS NULL OR n.institution_id = %(home)s
FROM jsonb_array_elements(%(asked)s::jsonb) AS a (sparkplug)
JOIN gateway_version v ON v.sparkplug = a.sparkplug
JOIN gateway g USING (gateway_key)
LEFT JOIN institution n ON n.institution_key = v.institution_key

-- name: institution_revisions
SELECT institution_id, changed_revision FROM institution WHERE institution_id = ANY (%(ids)s::text[])

-- name: gateway_revisions
SELECT gateway_id, changed_revision FROM gateway WHERE gateway_id = ANY (%(ids)s::text[])

-- name: instrument_revisions
SELECT instrument_id, changed_revision FROM instrument WHERE instrument_id = ANY (%(ids)s::text[])

-- name: institution_touch
INSERT INTO institution (institution_id, changed_revision)
SELECT id, %(revision)s FROM unnest(%(ids)s::text[]) AS t (id)
ON CONFLICT (institution_id) DO UPDATE SET changed_revision = EXCLUDED.changed_revision

-- name: gateway_touch
WITH touched AS (
    INSERT INTO gateway (gateway_id, changed_revision)
    SELECT id, %(revision)s FROM unnest(%(ids)s::text[]) AS t (id)
    ON CONFLICT (gateway_id) DO UPDATE SET changed_revision = EXCLUDED.changed_revision
    RETURNING gateway_key
)
INSERT INTO gateway_status (gateway_key) SELECT gateway_key FROM touched
ON CONFLICT DO NOTHING

-- name: instrument_touch
WITH touched AS (
    INSERT INTO instrument (instrument_id, changed_revision)
    SELECT id, %(revision)s FROM unnest(%(ids)s::text[]) AS t (id)
    ON CONFLICT (instrument_id) DO UPDATE SET changed_revision = EXCLUDED.changed_revision
    RETURNING instrument_key
)
INSERT INTO instrument_status (instrument_key) SELECT instrument_key FROM touched
ON CONFLICT DO NOTHING

-- name: institution_clear
DELETE FROM institution_version v USING institution e
WHERE v.institution_key = e.institution_key AND e.institution_id = ANY (%(ids)s::text[])

-- name: gateway_clear
DELETE FROM gateway_version v USING gateway e
WHERE v.gateway_key = e.gateway_key AND e.gateway_id = ANY (%(ids)s::text[])

-- name: instrument_clear
DELETE FROM instrument_version v USING instrument e
WHERE v.instrument_key = e.instrument_key AND e.instrument_id = ANY (%(ids)s::text[])

-- Rows become versions by the names of the table's own columns; references become keys here.

-- name: institution_store
INSERT INTO institution_version
SELECT v.* FROM jsonb_array_elements(%(rows)s::jsonb) AS r (said)
JOIN institution e ON e.institution_id = r.said->>'id'
CROSS JOIN LATERAL jsonb_populate_record(
    NULL::institution_version,
    r.said || jsonb_build_object('institution_key', e.institution_key)) v

-- name: gateway_store
INSERT INTO gateway_version
SELECT v.* FROM jsonb_array_elements(%(rows)s::jsonb) AS r (said)
JOIN gateway e ON e.gateway_id = r.said->>'id'
LEFT JOIN institution n ON n.institution_id = r.said->>'institution_id'
CROSS JOIN LATERAL jsonb_populate_record(
    NULL::gateway_version,
    r.said || jsonb_build_object('gateway_key', e.gateway_key,
                                 'institution_key', n.institution_key)) v

-- name: instrument_store
INSERT INTO instrument_version
SELECT v.* FROM jsonb_array_elements(%(rows)s::jsonb) AS r (said)
JOIN instrument e ON e.instrument_id = r.said->>'id'
JOIN institution n ON n.institution_id = r.said->>'institution_id'
JOIN gateway g ON g.gateway_id = r.said->>'gateway_id'
CROSS JOIN LATERAL jsonb_populate_record(
    NULL::instrument_version,
    r.said || jsonb_build_object('instrument_key', e.instrument_key,
                                 'institution_key', n.institution_key,
                                 'gateway_key', g.gateway_key)) v

-- name: audit
INSERT INTO audit (actor, action, object_type, object_id, before, after)
SELECT %(actor)s, r.action, %(type)s, r.id, nullif(r.before, 'null'), nullif(r.after, 'null')
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    id text, action text, before jsonb, after jsonb)

-- name: forget
-- Rollups of instruments, by id and range. A range begins no earlier than there is anything to
-- forget: the first heartbeat, the first rollup, the first booking that was held against it.
WITH asked AS (
    SELECT e.instrument_key, t.starts_at, t.ends_at, least(s.first_at, (
               SELECT min(d.day)::timestamptz - interval '1 day'
               FROM rollup_day d WHERE d.instrument_key = e.instrument_key
           ), (
               SELECT min(b.first_day)::timestamptz - interval '1 day'
               FROM booking_day b WHERE b.instrument_key = e.instrument_key
           )) AS begins_at
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS t (
        id text, starts_at timestamptz, ends_at timestamptz)
    JOIN instrument e ON e.instrument_id = t.id
    JOIN instrument_status s USING (instrument_key)
), bounded AS (
    SELECT instrument_key, greatest(starts_at, begins_at) AS starts_at, ends_at
    FROM asked
    WHERE begins_at IS NOT NULL AND greatest(starts_at, begins_at) < ends_at
)
SELECT rollup_forget(array_agg(instrument_key), array_agg(starts_at), array_agg(ends_at))
FROM bounded
HAVING count(*) > 0

-- name: tenants
-- Instruments whose opening hours are their institution's at some moment of a range.
SELECT DISTINCT e.instrument_id
FROM instrument_version v
JOIN instrument e USING (instrument_key)
JOIN institution n ON n.institution_key = v.institution_key
WHERE n.institution_id = %(id)s AND v.opening_hours IS NULL
  AND v.force_from < %(ends_at)s AND v.force_to > %(starts_at)s

-- name: rebuild
-- Ranges to fold again from raw rows, up to now or to the newest heartbeat where that lies ahead;
-- what never sent a heartbeat has nothing to fold. They are of devices' own time, which corrected
-- ones (first_at) do not bound.
WITH range AS (
    SELECT e.instrument_key, t.starts_at,
           least(t.ends_at, greatest(%(now)s, s.newest_ts + interval '1 microsecond')) AS ends_at,
           t.reason
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS t (
        id text, starts_at timestamptz, ends_at timestamptz, reason text)
    JOIN instrument e ON e.instrument_id = t.id
    JOIN instrument_status s USING (instrument_key)
    WHERE s.first_at IS NOT NULL
)
INSERT INTO rebuild_todo (instrument_key, starts_at, ends_at, reason)
SELECT instrument_key, starts_at, ends_at, reason FROM range WHERE starts_at < ends_at
