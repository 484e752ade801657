-- Running totals over rollup_day: what all its rows before a local midnight add up to, so that
-- any range of days is the difference of two of them. Derived from rollup_day alone and made
-- by store/totals.py; nothing but the time an answer takes depends on them.
--
-- A row holds 1,024 instruments (instrument_key / 1024 = chunk), each 18 little-endian 64-bit
-- integers: the sums of store/totals.py's SUMS. One row an instrument would be 47,000 rows to
-- read for a city's month; packed it is 46.
CREATE TABLE rollup_total (
    boundary date NOT NULL,      -- the totals are of all days before this one
    chunk    integer NOT NULL,
    sums     bytea NOT NULL,
    PRIMARY KEY (boundary, chunk)
);

-- step_us is a maximum and has no differences: the greatest of the 2^level days before the
-- boundary, one 64-bit integer an instrument. Two of them, overlapping, make up any range.
CREATE TABLE rollup_total_step (
    boundary date NOT NULL,
    level    smallint NOT NULL,
    chunk    integer NOT NULL,
    steps    bytea NOT NULL,
    PRIMARY KEY (boundary, level, chunk)
);

-- From which day on a chunk's totals count, and the newest boundary that there is.
CREATE TABLE rollup_total_reach (
    chunk   integer PRIMARY KEY,
    first   date NOT NULL,
    through date NOT NULL
);

-- Days whose rows changed after the totals took them in: an instrument with one of these in a
-- window is summed up from its days, until the totals are made again. Written by triggers.
CREATE TABLE rollup_total_stale (
    instrument_key integer NOT NULL,
    day            date NOT NULL,
    marked_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (instrument_key, day)
);
CREATE INDEX rollup_total_stale_day ON rollup_total_stale (day);

-- lz4 unpacks at memory speed, the default does not; servers built without it keep the default.
DO $$
BEGIN
    ALTER TABLE rollup_total ALTER COLUMN sums SET COMPRESSION lz4;
    ALTER TABLE rollup_total_step ALTER COLUMN steps SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'this server has no lz4';
END
$$;
