-- What is read by those who watch: the standbys, for ingest's metrics; views, for dashboards.

-- How far the log has come here and at each standby, in bytes. Only the server's owner and who
-- may see all statistics are told by the server, so whoever migrates lends it; where that account
-- is not told either, there seem to be none.
CREATE OR REPLACE FUNCTION standby_positions() RETURNS TABLE (written bigint, replayed bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                                ELSE pg_current_wal_lsn() END, '0/0')::bigint,
           pg_wal_lsn_diff(replay_lsn, '0/0')::bigint
    FROM pg_stat_replication WHERE replay_lsn IS NOT NULL
$$;
REVOKE ALL ON FUNCTION standby_positions() FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'jishi_write') THEN
        GRANT EXECUTE ON FUNCTION standby_positions() TO jishi_write;
    END IF;
END
$$;

-- The views of version 1: whoever builds a dashboard rests on these, not on tables. Columns are
-- added at the end and neither go nor change their meaning; what must do so is a version 2 beside.
CREATE SCHEMA IF NOT EXISTS dashboard_v1;

-- Who is there now: each instrument in service, in the registry's words of now.
CREATE OR REPLACE VIEW dashboard_v1.instrument AS
SELECT i.instrument_id, v.name, n.institution_id, nv.name AS institution_name,
       d.district_code, d.name AS district_name, v.class_code, v.kind, v.always_on, g.gateway_id,
       CASE WHEN s.first_at IS NULL THEN 'never_seen'
            WHEN s.live_until > now() THEN 'online' ELSE 'offline' END AS connectivity,
       CASE WHEN s.live_until > now() THEN
            CASE CASE WHEN s.piece_from > now() THEN ahead.state
                      WHEN s.credit_until > now() THEN s.state END
                WHEN 2 THEN 'running' WHEN 1 THEN 'idle' WHEN 0 THEN 'off' ELSE 'unknown' END
            ELSE 'unknown' END AS activity,
       s.live_at AS last_heard_at, s.live_until, s.power_w,
       v.instrument_key, v.institution_key
FROM public.instrument_version v
JOIN public.instrument i USING (instrument_key)
JOIN public.institution n ON n.institution_key = v.institution_key
JOIN public.gateway g ON g.gateway_key = v.gateway_key
LEFT JOIN public.institution_version nv ON nv.institution_key = v.institution_key
     AND nv.force_from <= now() AND nv.force_to > now()
LEFT JOIN public.district d ON d.district_code = coalesce(v.district_code, nv.district_code)
LEFT JOIN public.instrument_status s ON s.instrument_key = v.instrument_key
LEFT JOIN LATERAL (
    SELECT p.state FROM public.segment p
    WHERE s.piece_from > now() AND p.instrument_key = v.instrument_key
      AND p.starts_at <= now() AND p.starts_at > now() - interval '1 hour' AND p.ends_at > now()
) ahead ON true
WHERE v.force_from <= now() AND v.force_to > now()
  AND (v.retired_on IS NULL OR v.retired_on::timestamp AT TIME ZONE v.timezone > now());

-- Institutions heard within the last 24 hours of which no instrument is online.
CREATE OR REPLACE VIEW dashboard_v1.silent_institution AS
SELECT institution_id, institution_name AS name, district_name,
       count(*) FILTER (WHERE connectivity <> 'never_seen') AS instruments,
       max(last_heard_at) AS last_heard_at
FROM dashboard_v1.instrument
GROUP BY institution_id, institution_name, district_name, institution_key
HAVING max(live_until) BETWEEN now() - interval '24 hours' AND now();

-- What each instrument did on each local day that is over and rolled up, seconds; on its days of
-- service, from the first that it was heard on.
CREATE OR REPLACE VIEW dashboard_v1.instrument_day AS
SELECT r.day, i.instrument_id, v.name, n.institution_id, nv.name AS institution_name,
       d.district_code, d.name AS district_name, v.class_code, v.kind, v.always_on,
       s.running_s, s.idle_s, s.off_s, s.unknown_s,
       s.running_s + s.idle_s + s.off_s + s.unknown_s AS window_s,
       r.effective_us / 1e6::numeric AS effective_s, r.rated_us / 1e6::numeric AS rated_s,
       r.day::timestamp AT TIME ZONE zone.value AS starts_at
FROM public.rollup_day r
JOIN public.service_setting zone ON zone.name = 'rollup_zone'
CROSS JOIN LATERAL (
    SELECT r.running_us / 1e6::numeric, r.idle_us / 1e6::numeric, r.off_us / 1e6::numeric,
           (r.unknown_before_first_us + r.unknown_collector_us + r.unknown_gateway_us
            + r.unknown_device_us) / 1e6::numeric
) AS s (running_s, idle_s, off_s, unknown_s)
JOIN public.instrument i USING (instrument_key)
JOIN public.instrument_version v ON v.instrument_key = r.instrument_key
     AND v.force_from <= now() AND v.force_to > now()
JOIN public.institution n ON n.institution_key = v.institution_key
LEFT JOIN public.institution_version nv ON nv.institution_key = v.institution_key
     AND nv.force_from <= now() AND nv.force_to > now()
LEFT JOIN public.district d ON d.district_code = coalesce(v.district_code, nv.district_code)
WHERE (v.acquired_on IS NULL OR v.acquired_on <= r.day)
  AND (v.retired_on IS NULL OR r.day < v.retired_on);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'jishi_read') THEN
        GRANT USAGE ON SCHEMA dashboard_v1 TO jishi_read;
        GRANT SELECT ON ALL TABLES IN SCHEMA dashboard_v1 TO jishi_read;
    END IF;
END
$$;
