-- Deletes the booking days that a change of [range_from, range_to) makes untrue, and queues them to
-- be made anew. Part of `rollup_forget`; whoever makes them holds the same locks of status rows.
CREATE OR REPLACE FUNCTION booking_day_forget(keys integer[], range_from timestamptz[], range_to timestamptz[])
RETURNS void LANGUAGE sql AS $$
    WITH touched AS (
        SELECT key, (starts AT TIME ZONE z.zone)::date AS first_day,
               ((ends - interval '1 microsecond') AT TIME ZONE z.zone)::date AS last_day
        FROM unnest(keys, range_from, range_to) AS t (key, starts, ends),
             (SELECT coalesce((SELECT value FROM service_setting WHERE name = 'rollup_zone'),
                              'Asia/Shanghai') AS zone) z
        WHERE starts < ends
    ), gone AS (
        DELETE FROM booking_day b USING touched t
        WHERE b.instrument_key = t.key AND b.last_day >= t.first_day AND b.first_day <= t.last_day
        RETURNING b.instrument_key, b.day
    )
    INSERT INTO booking_day_todo (instrument_key, day, due_at)
    SELECT DISTINCT instrument_key, day, now() FROM gone ORDER BY 2, 1
    ON CONFLICT (day, instrument_key) DO UPDATE SET due_at = now()
$$;

-- Keeps changes of bookings and tolerances apart from the making of booking days, which takes the
-- same lock for itself alone: either it sees the change, or the change sees what it made.
CREATE OR REPLACE FUNCTION booking_day_share() RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock_shared(1651469940, 0)
$$;

-- Whoever changes bookings leaves a mark on each day that these touch, and takes away what was made
-- of their neighbours, in the same statement.
CREATE OR REPLACE FUNCTION booking_day_mark() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    zone text := coalesce((SELECT value FROM service_setting WHERE name = 'rollup_zone'), 'Asia/Shanghai');
BEGIN
    IF EXISTS (SELECT FROM changed) THEN
        PERFORM booking_day_share();
        PERFORM booking_day_forget(array_agg(instrument_key), array_agg(starts_at), array_agg(ends_at))
        FROM changed;
        INSERT INTO booking_day_todo (instrument_key, day, due_at)
        SELECT DISTINCT c.instrument_key, d::date,
               -- As the roller: what came shortly before midnight is still on its way.
               (d::date + 1)::timestamp AT TIME ZONE zone + interval '20 minutes'
        FROM changed c,
             generate_series((c.starts_at AT TIME ZONE zone)::date,
                             ((c.ends_at - interval '1 microsecond') AT TIME ZONE zone)::date,
                             interval '1 day') AS d
        ORDER BY 2, 1
        ON CONFLICT (day, instrument_key) DO UPDATE SET due_at = EXCLUDED.due_at;
    END IF;
    RETURN NULL;
END
$$;

-- Transition tables allow one event a trigger; what a booking was counts as well as what it is.
CREATE OR REPLACE TRIGGER booking_day_inserted AFTER INSERT ON booking
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION booking_day_mark();
CREATE OR REPLACE TRIGGER booking_day_updated AFTER UPDATE ON booking
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION booking_day_mark();
CREATE OR REPLACE TRIGGER booking_day_updated_from AFTER UPDATE ON booking
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION booking_day_mark();
CREATE OR REPLACE TRIGGER booking_day_deleted AFTER DELETE ON booking
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION booking_day_mark();

-- The same for all bookings that begin at or after a moment: tolerances changed from there on.
CREATE OR REPLACE FUNCTION booking_day_forget_from(starts timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    zone text := coalesce((SELECT value FROM service_setting WHERE name = 'rollup_zone'), 'Asia/Shanghai');
BEGIN
    PERFORM booking_day_share();
    WITH gone AS (
        DELETE FROM booking_day WHERE day >= (starts AT TIME ZONE zone)::date
        RETURNING instrument_key, day
    )
    INSERT INTO booking_day_todo (instrument_key, day, due_at)
    SELECT instrument_key, day, now() FROM gone ORDER BY 2, 1
    ON CONFLICT (day, instrument_key) DO UPDATE SET due_at = now();
END
$$;
