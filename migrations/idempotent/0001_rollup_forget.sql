-- Deletes the rollups and booking days that a change of [range_from, range_to) makes untrue, with what
-- was measured in windows of self-reports, and queues every day of it that is over. Called inside the
-- transaction that makes the change; returns the day rows deleted.
--
-- The status rows are locked first, in key order: whoever computes a rollup holds the same
-- lock while reading its inputs, so that no row computed from the old state lands afterwards.
CREATE OR REPLACE FUNCTION rollup_forget(keys integer[], range_from timestamptz[], range_to timestamptz[])
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    zone text := coalesce((SELECT value FROM service_setting WHERE name = 'rollup_zone'), 'Asia/Shanghai');
    gone bigint;
BEGIN
    PERFORM 1 FROM instrument_status WHERE instrument_key = ANY (keys)
    ORDER BY instrument_key FOR NO KEY UPDATE;

    WITH touched AS (
        SELECT key,
               (starts AT TIME ZONE zone)::date AS first_day,
               ((ends - interval '1 microsecond') AT TIME ZONE zone)::date AS last_day
        FROM unnest(keys, range_from, range_to) AS t (key, starts, ends)
        WHERE starts < ends
    ), gone_day AS (
        DELETE FROM rollup_day r USING touched t
        WHERE r.instrument_key = t.key AND r.day BETWEEN t.first_day AND t.last_day
        RETURNING r.instrument_key, r.day
    ), queued AS (
        INSERT INTO rollup_todo (instrument_key, day)
        SELECT DISTINCT t.key, d::date
        FROM touched t,
             generate_series(t.first_day, least(t.last_day, (now() AT TIME ZONE zone)::date - 1),
                             interval '1 day') AS d
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) INTO gone FROM gone_day;
    PERFORM booking_day_forget(keys, range_from, range_to);
    PERFORM reported_window_forget(keys, range_from, range_to);
    RETURN gone;
END
$$;
