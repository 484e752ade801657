-- What each hour of a rolled-up day was made of, packed (store/figures/packed_hours.py): made, marked
-- and forgotten with its row. NULL in rows from before, until the roller comes to them.
ALTER TABLE rollup_day ADD COLUMN hours bytea;

-- The same of 1,024 instruments (instrument_key / 1024 = chunk), a row a figure: hours of a city's
-- week are some thousand rows instead of 165,000, and who asks for running time reads no other.
-- Derived from rollup_day alone and made with the running totals; figures that are 0 have no row.
CREATE TABLE rollup_hour (
    day    date NOT NULL,
    chunk  integer NOT NULL,
    figure smallint NOT NULL,    -- a place in totals.py's HOURLY
    hours  bytea NOT NULL,
    PRIMARY KEY (day, chunk, figure)
);

DO $$
BEGIN
    ALTER TABLE rollup_hour ALTER COLUMN hours SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'this server has no lz4';
END
$$;

-- Days of the last month get theirs in the background; of older ones, hours come from segments.
WITH since AS (
    SELECT current_date - 31 AS day WHERE EXISTS (SELECT FROM rollup_day)
), kept AS (
    INSERT INTO service_setting (name, value) SELECT 'hours_from', day::text FROM since
    ON CONFLICT (name) DO NOTHING
)
INSERT INTO rollup_todo (instrument_key, day)
SELECT r.instrument_key, r.day FROM rollup_day r, since s WHERE r.day >= s.day
ON CONFLICT DO NOTHING;
