-- What bookings came to, by instrument and local day of the rollups' zone: made behind the writers'
-- backs (store/figures/booking_days.py) of days that are over, so that a city's month is read as
-- rows and not as segments. Derived: nothing but the time an answer takes depends on it.
CREATE TABLE booking_day (
    instrument_key    integer NOT NULL REFERENCES instrument,
    day               date NOT NULL,
    -- The days whose segments, plans and bookings it was made of: those that its bookings reach.
    first_day         date NOT NULL,
    last_day          date NOT NULL,
    -- Of the day.
    booked_us         bigint NOT NULL,
    used_booked_us    bigint NOT NULL,
    unknown_booked_us bigint NOT NULL,
    -- Of the bookings that begin in it, by verdict.
    bookings          bigint NOT NULL,
    kept              bigint NOT NULL,
    late              bigint NOT NULL,
    early_leave       bigint NOT NULL,
    overrun           bigint NOT NULL,
    no_show           bigint NOT NULL,
    blocked           bigint NOT NULL,
    undetermined      bigint NOT NULL,
    PRIMARY KEY (day, instrument_key)
);
CREATE INDEX booking_day_last ON booking_day (instrument_key, last_day);

-- Days of instruments that bookings touch and that have no row (any more): every such day has either.
CREATE TABLE booking_day_todo (
    instrument_key integer NOT NULL REFERENCES instrument,
    day            date NOT NULL,
    due_at         timestamptz NOT NULL,   -- not to be tried before
    PRIMARY KEY (day, instrument_key)
);
CREATE INDEX booking_day_todo_due ON booking_day_todo (due_at);

INSERT INTO booking_day_todo (instrument_key, day, due_at)
SELECT DISTINCT b.instrument_key, d::date, (d::date + 1)::timestamp AT TIME ZONE z.zone
FROM booking b,
     (SELECT coalesce((SELECT value FROM service_setting WHERE name = 'rollup_zone'),
                      'Asia/Shanghai') AS zone) z,
     generate_series((b.starts_at AT TIME ZONE z.zone)::date,
                     ((b.ends_at - interval '1 microsecond') AT TIME ZONE z.zone)::date,
                     interval '1 day') AS d
WHERE NOT b.is_cancelled;

-- A window's self-reports are found without reading all of them.
CREATE INDEX self_report_starts ON self_report (starts_at, ends_at);
