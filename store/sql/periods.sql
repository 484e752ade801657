-- Periods and what closed ones keep; read and written by store/reports. What the tables hold is said
-- in migrations/incremental/0031_create_period.sql.

-- name: create
INSERT INTO period (institution_key, starts_at, ends_at, timezone, created_by)
VALUES (%(institution)s, %(start)s, %(end)s, %(timezone)s, %(actor)s)
RETURNING period_id

-- name: find
SELECT
-- include: report_columns.period
FROM period p LEFT JOIN institution i USING (institution_key)
WHERE p.period_id = %(id)s
  AND (%(tenant)s::int IS NULL OR p.institution_key = %(tenant)s::int)

-- name: lock
SELECT FROM period WHERE period_id = %(id)s FOR UPDATE

-- name: list
SELECT
-- include: report_columns.period
FROM period p LEFT JOIN institution i USING (institution_key)
WHERE p.period_id > %(after)s
  AND (%(tenant)s::int IS NULL OR p.institution_key = %(tenant)s::int)
  AND (%(institution)s::text[] IS NULL OR i.institution_id = ANY (%(institution)s::text[]))
  AND (%(states)s::text[] IS NULL
       OR CASE WHEN p.closed_at IS NULL THEN 'open' ELSE 'closed' END = ANY (%(states)s::text[]))
  AND (%(start)s::timestamptz IS NULL OR p.ends_at > %(start)s)
  AND (%(end)s::timestamptz IS NULL OR p.starts_at < %(end)s)
ORDER BY p.period_id
LIMIT %(limit)s

-- name: delete
DELETE FROM period WHERE period_id = %(id)s AND closed_at IS NULL

-- name: close
UPDATE period SET closed_at = now(), closed_by = %(actor)s, records = %(records)s,
       digest = %(digest)s
WHERE period_id = %(id)s

-- name: institution
-- An institution as a period is made for it: its key, and its zone now.
SELECT i.institution_key, v.timezone
FROM institution i LEFT JOIN institution_version v
     ON v.institution_key = i.institution_key AND v.force_from <= now() AND v.force_to > now()
WHERE i.institution_id = %(institution_id)s
  AND (%(tenant)s::int IS NULL OR i.institution_key = %(tenant)s::int)

-- name: session_pieces
-- Packed as figures.sql: packed_pieces. Without idle pieces that no session joins, and off ones, a
-- year is a third of its pieces.
SELECT string_agg(record_send(ROW(instrument_key, state, starts_at, ends_at)), ''::bytea)
FROM segment
WHERE instrument_key = ANY (%(keys)s::int[])
  AND starts_at >= %(start)s::timestamptz - interval '1 hour' AND starts_at < %(end)s
  AND ends_at > %(start)s
  AND (state = 2 OR (state = 1
       AND ends_at - starts_at <= %(longest_us)s * interval '1 microsecond'))

-- name: confirmed_sums
-- Confirmed running time, and confirmed idle and off time, within windows.
-- include: confirmed.chain
SELECT c.instrument_key,
       (coalesce(sum(l.us) FILTER (WHERE c.state = 2), 0))::bigint,
       (coalesce(sum(l.us) FILTER (WHERE c.state < 2), 0))::bigint
FROM chain c
CROSS JOIN LATERAL (
    SELECT us(least(c.ends_at, c.high)) - us(greatest(c.starts_at, c.low)) AS us
) l
WHERE c.confirmed AND c.starts_at < c.high AND c.ends_at > c.low
GROUP BY 1

-- name: confirmed_unused
-- Confirmed idle and off time that bears on windows, piece by piece.
-- include: confirmed.chain
SELECT c.instrument_key, us(c.starts_at), us(c.ends_at), c.state
FROM chain c
WHERE c.confirmed AND c.state < 2 AND c.starts_at < c.high AND c.ends_at > c.low
ORDER BY c.instrument_key, c.starts_at

-- name: confirmed_hours
-- Until when each hour is confirmed, where it is; packed as figures.sql: packed_pieces.
-- include: confirmed.chain
SELECT string_agg(record_send(ROW(t.instrument_key, t.hour, t.until)), ''::bytea)
FROM (
    SELECT instrument_key, hour, max(ends_at) AS until
    FROM chain WHERE confirmed GROUP BY 1, 2
) t

-- name: ordered
SELECT instrument_key, instrument_id FROM instrument
WHERE instrument_key = ANY (%(keys)s::int[])
ORDER BY instrument_id COLLATE "C"

-- name: registry
-- Instruments as a report names them, by the registry of its period's end; and what figures of the
-- period were made by. Columns that this version's forms do not know are left out of neither.
SELECT v.instrument_key,
       jsonb_build_object(
           'instrument_id', i.instrument_id, 'name', v.name,
           'institution_id', n.institution_id, 'institution_name', coalesce(nv.name, n.institution_id),
           'class_code', v.class_code, 'district_code', coalesce(v.district_code, nv.district_code),
           'region_code', to_jsonb(nv) -> 'region_code', 'kind', v.kind,
           'value_cny', v.value_cny::text, 'model', v.model, 'manufacturer', v.manufacturer,
           'external_ids', coalesce(v.external_ids, '{}'),
           'institution_external_ids', coalesce(nv.external_ids, '{}'),
           'report_fields', coalesce(nullif(to_jsonb(v) -> 'report_fields', 'null'), '{}'),
           'institution_report_fields',
               coalesce(nullif(to_jsonb(nv) -> 'report_fields', 'null'), '{}'))::text,
       jsonb_build_object(
           'acquired_on', v.acquired_on, 'retired_on', v.retired_on, 'institution_id', n.institution_id,
           'session_gap_us', v.session_gap_us, 'session_min_us', v.session_min_us,
           'versions', (
               SELECT jsonb_agg(jsonb_build_object(
                   'from_us', CASE WHEN o.force_from > %(start)s THEN us(o.force_from) END,
                   'gateway', o.gateway_key, 'hold_us', o.hold_us, 'interval_us', o.interval_us,
                   'power_rule', o.power_rule, 'kind', o.kind, 'timezone', o.timezone,
                   'rated_hours_per_year', o.rated_hours_per_year,
                   'opening_hours', o.opening_hours, 'institution', o.institution_key)
                   ORDER BY o.force_from)
               FROM instrument_version o WHERE o.instrument_key = v.instrument_key
                 AND o.force_from < %(end)s AND o.force_to > %(start)s),
           'corrections', (
               SELECT jsonb_agg(jsonb_build_array(o.gateway_key,
                   CASE WHEN o.force_from > %(start)s THEN us(o.force_from) END,
                   o.clock_correction_us) ORDER BY o.force_from)
               FROM gateway_version o WHERE o.gateway_key = v.gateway_key
                 AND o.force_from < %(end)s AND o.force_to > %(start)s),
           'institution_hours', (
               SELECT jsonb_agg(jsonb_build_array(
                   CASE WHEN o.force_from > %(start)s THEN us(o.force_from) END, o.opening_hours)
                   ORDER BY o.force_from)
               FROM institution_version o WHERE o.institution_key = v.institution_key
                 AND o.force_from < %(end)s AND o.force_to > %(start)s),
           'maintenance', (
               SELECT jsonb_agg(jsonb_build_array(us(m.starts_at), us(m.ends_at))
                                ORDER BY m.starts_at, m.ends_at)
               FROM maintenance m
               WHERE m.instrument_key = v.instrument_key AND m.kind = 'maintenance'
                 AND m.starts_at < %(end)s AND m.ends_at > %(start)s))::text
FROM instrument_version v
JOIN instrument i ON i.instrument_key = v.instrument_key
JOIN institution n ON n.institution_key = v.institution_key
LEFT JOIN institution_version nv ON nv.institution_key = v.institution_key
     AND nv.force_from < %(end)s AND nv.force_to >= %(end)s
WHERE v.instrument_key = ANY (%(keys)s::int[])
  AND v.force_from < %(end)s AND v.force_to >= %(end)s

-- name: self_reports
-- Those within a period, an instrument's longest first where several begin together.
SELECT instrument_key, us(starts_at), us(ends_at), user_type, hours_us
FROM self_report
WHERE instrument_key = ANY (%(keys)s::int[])
  AND starts_at >= %(start)s AND ends_at <= %(end)s
ORDER BY instrument_key, starts_at, ends_at DESC, user_type

-- name: freeze_records
INSERT INTO period_record
    (period_id, n, instrument_key, starts_at, ends_at, effective_us, source, annotation)
SELECT %(period)s, %(first)s + place - 1, key,
       timestamptz 'epoch' + starts * interval '1 microsecond',
       timestamptz 'epoch' + ends * interval '1 microsecond', effective, source, note::jsonb
FROM unnest(%(keys)b::bigint[], %(starts)b::bigint[], %(ends)b::bigint[], %(effective)b::bigint[],
            %(sources)b::text[], %(annotations)b::text[])
     WITH ORDINALITY AS t (key, starts, ends, effective, source, note, place)

-- name: freeze_subjects
INSERT INTO period_subject
    (period_id, instrument_key, instrument_id, institution_id, first_n, records, subject, settings)
SELECT %(period)s, t.*
FROM unnest(%(keys)s::int[], %(instruments)s::text[], %(institutions)s::text[],
            %(firsts)s::bigint[], %(records)s::int[], %(subjects)s::text[]::jsonb[],
            %(settings)s::text[]::jsonb[]) AS t

-- name: freeze_usage
INSERT INTO period_usage (period_id, instrument_key,
    running_us, idle_us, off_us, unknown_before_first_us, unknown_collector_us,
    unknown_gateway_us, unknown_device_us, scheduled_us, running_scheduled_us, effective_us,
    session_idle_us, rated_us, counter_us, counter_readings, witness_counter_us, witness_state_us,
    step_us)
SELECT %(period)s, t.*
FROM unnest(%(keys)s::int[],
            %(running_us)s::bigint[], %(idle_us)s::bigint[], %(off_us)s::bigint[],
            %(unknown_before_first_us)s::bigint[], %(unknown_collector_us)s::bigint[],
            %(unknown_gateway_us)s::bigint[], %(unknown_device_us)s::bigint[],
            %(scheduled_us)s::bigint[], %(running_scheduled_us)s::bigint[],
            %(effective_us)s::bigint[], %(session_idle_us)s::bigint[], %(rated_us)s::bigint[],
            %(counter_us)s::bigint[], %(counter_readings)s::bigint[],
            %(witness_counter_us)s::bigint[], %(witness_state_us)s::bigint[],
            %(step_us)s::bigint[]) AS t

-- name: freeze_confirmed
INSERT INTO period_confirmed (period_id, instrument_key, window_us, rated_us, external_us,
    running_us, unused_us, effective_us, effective_external_us)
SELECT %(period)s, t.*
FROM unnest(%(keys)s::int[], %(window_us)s::bigint[], %(rated_us)s::bigint[],
            %(external_us)s::bigint[], %(running_us)s::bigint[], %(unused_us)s::bigint[],
            %(effective_us)s::bigint[], %(effective_external_us)s::bigint[]) AS t

-- name: frozen_usage
SELECT instrument_key,
       running_us, idle_us, off_us, unknown_before_first_us, unknown_collector_us,
       unknown_gateway_us, unknown_device_us, scheduled_us, running_scheduled_us, effective_us,
       session_idle_us, rated_us, counter_us, counter_readings, witness_counter_us,
       witness_state_us, step_us
FROM period_usage
WHERE period_id = %(id)s AND (%(keys)s::int[] IS NULL OR instrument_key = ANY (%(keys)s::int[]))

-- name: freeze_institutions
INSERT INTO period_institution (period_id, institution_id, instruments, records, unannotated,
                                effective_us, tenths, rest_us, through_n)
SELECT %(period)s, t.*
FROM unnest(%(institutions)s::text[], %(instruments)s::int[], %(records)s::bigint[],
            %(unannotated)s::bigint[], %(effective)s::bigint[], %(tenths)s::bigint[],
            %(rests)s::bigint[], %(throughs)s::bigint[]) AS t

-- name: institutions
SELECT institution_id, instruments, records, unannotated, effective_us, tenths, rest_us, through_n
FROM period_institution WHERE period_id = %(id)s ORDER BY institution_id

-- name: frozen_subjects
SELECT instrument_key, instrument_id, institution_id, first_n, records, subject, settings
FROM period_subject
WHERE period_id = %(id)s AND (%(keys)s::int[] IS NULL OR instrument_key = ANY (%(keys)s::int[]))
ORDER BY instrument_id

-- name: subjects_after
SELECT instrument_key, instrument_id, institution_id, first_n, records, subject, settings
FROM period_subject
WHERE period_id = %(id)s AND instrument_id > %(after)s
ORDER BY instrument_id LIMIT %(limit)s

-- name: standing
-- Each institution's newest period of just a window, a closed one before an open one, and what is
-- entered of the window.
SELECT n.institution_id, p.period_id, us(p.closed_at), p.closed_by, s.records, s.unannotated,
       (SELECT count(*) FROM annotation a
        JOIN instrument_version v ON v.instrument_key = a.instrument_key
             AND v.force_from < %(end)s AND v.force_to >= %(end)s
        WHERE v.institution_key = n.institution_key AND a.at >= %(start)s AND a.at < %(end)s)
FROM institution n
LEFT JOIN LATERAL (
    SELECT period_id, closed_at, closed_by FROM period
    WHERE institution_key = n.institution_key AND starts_at = %(start)s AND ends_at = %(end)s
    ORDER BY closed_at IS NULL, period_id DESC LIMIT 1
) p ON true
LEFT JOIN period_institution s
     ON s.period_id = p.period_id AND s.institution_id = n.institution_id
WHERE n.institution_id = ANY (%(ids)s::text[])

-- name: frozen_places
SELECT instrument_key, instrument_id, institution_id, first_n, records
FROM period_subject WHERE period_id = %(id)s ORDER BY instrument_id

-- name: frozen_uses
-- Packed (store/packed.py), and what was said of some as one document: a year has ten million.
SELECT string_agg(record_send(ROW(n, instrument_key, starts_at, ends_at, effective_us,
           array_position(ARRAY['measured', 'rule', 'manual'], source) - 1)), ''::bytea),
       json_agg(json_build_array(n, annotation)) FILTER (WHERE annotation IS NOT NULL)::text
FROM period_record WHERE period_id = %(id)s AND n >= %(first)s AND n < %(end)s

-- name: late
-- Heartbeats of a window that came after its figures were frozen; raw rows are kept for a while.
SELECT instrument_key, count(*), us(min(ts)), us(max(ts)), us(min(received_at)),
       us(max(received_at))
FROM heartbeat
WHERE instrument_key = ANY (%(keys)s::int[]) AND ts >= %(start)s AND ts < %(end)s
  AND received_at > %(since)s
GROUP BY 1
