-- What was measured in windows of self-reports is not so any more where [range_from, range_to) of
-- their local days changes: it is to be measured anew. Part of `rollup_forget`; whoever measures
-- holds the same locks of status rows. Rows are locked in the order of their keys, as everywhere.
CREATE OR REPLACE FUNCTION reported_window_forget(keys integer[], range_from timestamptz[], range_to timestamptz[])
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH zone AS (
        SELECT coalesce((SELECT value FROM service_setting WHERE name = 'rollup_zone'),
                        'Asia/Shanghai') AS name
    ), touched AS (
        SELECT key, date_trunc('day', starts, z.name) AS low,
               date_trunc('day', ends + interval '1 day', z.name) AS high
        FROM unnest(keys, range_from, range_to) AS t (key, starts, ends), zone z
        WHERE starts < ends
    ), those AS MATERIALIZED (
        SELECT w.instrument_key, w.starts_at, w.ends_at
        FROM reported_window w
        WHERE w.instrument_key = ANY (keys) AND w.due_at IS NULL
          AND EXISTS (SELECT FROM touched t
                      WHERE t.key = w.instrument_key AND w.ends_at > t.low AND w.starts_at < t.high)
        ORDER BY w.instrument_key, w.starts_at, w.ends_at
        FOR NO KEY UPDATE
    )
    UPDATE reported_window w SET effective_us = NULL, unknown_us = NULL, due_at = now()
    FROM those t
    WHERE (w.instrument_key, w.starts_at, w.ends_at) = (t.instrument_key, t.starts_at, t.ends_at)
$$;

-- What all reports of a window say together, whoever writes one. By how much each adds: another one
-- of the same window may be written at the same time. None is ever deleted.
CREATE OR REPLACE FUNCTION reported_window_count() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO reported_window AS w (instrument_key, starts_at, ends_at, reports, hours_us, due_at)
        SELECT instrument_key, starts_at, ends_at, count(*), sum(hours_us)::bigint,
               -- As the roller: what came shortly before its end is still on its way.
               greatest(now(), ends_at + interval '20 minutes')
        FROM written GROUP BY instrument_key, starts_at, ends_at ORDER BY 1, 2, 3
        ON CONFLICT (instrument_key, starts_at, ends_at) DO UPDATE
        SET reports = w.reports + EXCLUDED.reports, hours_us = w.hours_us + EXCLUDED.hours_us;
    ELSE
        WITH more AS (
            SELECT n.instrument_key, n.starts_at, n.ends_at, sum(n.hours_us - o.hours_us) AS hours_us
            FROM written n JOIN was o USING (self_report_key)
            WHERE n.hours_us <> o.hours_us
            GROUP BY n.instrument_key, n.starts_at, n.ends_at
        ), those AS MATERIALIZED (
            SELECT m.* FROM more m JOIN reported_window w USING (instrument_key, starts_at, ends_at)
            ORDER BY w.instrument_key, w.starts_at, w.ends_at
            FOR NO KEY UPDATE OF w
        )
        UPDATE reported_window w SET hours_us = w.hours_us + t.hours_us
        FROM those t
        WHERE (w.instrument_key, w.starts_at, w.ends_at)
            = (t.instrument_key, t.starts_at, t.ends_at);
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER reported_window_inserted AFTER INSERT ON self_report
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION reported_window_count();
CREATE OR REPLACE TRIGGER reported_window_updated AFTER UPDATE ON self_report
    REFERENCING OLD TABLE AS was NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION reported_window_count();
