-- Writes of the registry and their effects; what they mean is in registry.py.

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

-- name: now
SELECT clock_timestamp()

-- name: bump
UPDATE registry_revision SET revision = %(revision)s

-- Where `tenant` is given, the record must be that institution's now; its past is shown whole.

-- name: institution_versions
SELECT e.institution_id, v.valid_from, v.name, v.name_en, v.kind, v.district_code, v.address,
       v.lon, v.lat, v.timezone, v.opening_hours, v.retired_on
FROM institution e JOIN institution_version v USING (institution_key)
WHERE e.institution_id = ANY (%(ids)s::text[])
  AND (%(tenant)s::integer IS NULL OR e.institution_key = %(tenant)s)
ORDER BY e.institution_id, v.valid_from

-- name: gateway_versions
SELECT e.gateway_id, v.valid_from, v.name, n.institution_id, v.clock_correction_us,
       v.retired_on
FROM gateway e JOIN gateway_version v USING (gateway_key)
LEFT JOIN institution n ON n.institution_key = v.institution_key
WHERE e.gateway_id = ANY (%(ids)s::text[])
  AND (%(tenant)s::integer IS NULL OR EXISTS (
       SELECT FROM gateway_version h WHERE h.gateway_key = e.gateway_key
         AND h.force_from <= now() AND h.force_to > now() AND h.institution_key = %(tenant)s))
ORDER BY e.gateway_id, v.valid_from

-- name: instrument_versions
SELECT e.instrument_id, v.valid_from, v.name, n.institution_id, g.gateway_id,
       v.district_code, v.class_code, v.class_scheme, v.lon, v.lat, v.value_cny, v.kind,
       v.rated_hours_per_year, v.timezone, v.interval_us, v.hold_us, v.always_on,
       v.opening_hours, v.session_gap_us, v.session_min_us, v.acquired_on, v.retired_on
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

-- name: institution_store
INSERT INTO institution_version (
    institution_key, valid_from, force_from, force_to, name, name_en, kind, district_code,
    address, lon, lat, timezone, opening_hours, retired_on)
SELECT e.institution_key, r.valid_from, r.force_from, r.force_to, r.name, r.name_en, r.kind,
       r.district_code, r.address, r.lon, r.lat, r.timezone, nullif(r.opening_hours, 'null'),
       r.retired_on
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    id text, valid_from timestamptz, force_from timestamptz, force_to timestamptz, name text,
    name_en text, kind text, district_code text, address text, lon double precision,
    lat double precision, timezone text, opening_hours jsonb, retired_on date)
JOIN institution e ON e.institution_id = r.id

-- name: gateway_store
INSERT INTO gateway_version (
    gateway_key, valid_from, force_from, force_to, name, institution_key, clock_correction_us,
    retired_on)
SELECT e.gateway_key, r.valid_from, r.force_from, r.force_to, r.name, n.institution_key,
       r.clock_correction_us, r.retired_on
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    id text, valid_from timestamptz, force_from timestamptz, force_to timestamptz, name text,
    institution_id text, clock_correction_us bigint, retired_on date)
JOIN gateway e ON e.gateway_id = r.id
LEFT JOIN institution n ON n.institution_id = r.institution_id

-- name: instrument_store
INSERT INTO instrument_version (
    instrument_key, valid_from, force_from, force_to, name, institution_key, gateway_key,
    district_code, class_code, class_scheme, lon, lat, value_cny, kind, rated_hours_per_year,
    timezone, interval_us, hold_us, always_on, opening_hours, session_gap_us, session_min_us,
    acquired_on, retired_on)
SELECT e.instrument_key, r.valid_from, r.force_from, r.force_to, r.name, n.institution_key,
       g.gateway_key, r.district_code, r.class_code, r.class_scheme, r.lon, r.lat, r.value_cny,
       r.kind, r.rated_hours_per_year, r.timezone, r.interval_us, r.hold_us, r.always_on,
       nullif(r.opening_hours, 'null'), r.session_gap_us, r.session_min_us, r.acquired_on,
       r.retired_on
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    id text, valid_from timestamptz, force_from timestamptz, force_to timestamptz, name text,
    institution_id text, gateway_id text, district_code text, class_code text,
    class_scheme text, lon double precision, lat double precision, value_cny numeric(18, 2),
    kind text, rated_hours_per_year double precision, timezone text, interval_us bigint,
    hold_us bigint, always_on boolean, opening_hours jsonb, session_gap_us bigint,
    session_min_us bigint, acquired_on date, retired_on date)
JOIN instrument e ON e.instrument_id = r.id
JOIN institution n ON n.institution_id = r.institution_id
JOIN gateway g ON g.gateway_id = r.gateway_id

-- name: audit
INSERT INTO audit (actor, action, object_type, object_id, before, after)
SELECT %(actor)s, r.action, %(type)s, r.id, nullif(r.before, 'null'), nullif(r.after, 'null')
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    id text, action text, before jsonb, after jsonb)

-- name: forget
-- Rollups of instruments, by id and range. A range begins no earlier than there is anything to
-- forget: the first heartbeat or the first rollup.
WITH asked AS (
    SELECT e.instrument_key, t.starts_at, t.ends_at, least(s.first_at, (
               SELECT min(d.day)::timestamptz - interval '1 day'
               FROM rollup_day d WHERE d.instrument_key = e.instrument_key
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
-- what never sent a heartbeat has nothing to fold.
WITH range AS (
    SELECT e.instrument_key, greatest(t.starts_at, s.first_at) AS starts_at,
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
