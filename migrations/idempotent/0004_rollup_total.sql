-- Whoever changes a day row that the running totals have taken in leaves a mark, in the same
-- statement. The lock keeps the change apart from days that totals take in for the first time:
-- either the totals see the new row, or the change sees that the totals have its day. What they
-- have already is made again without it: so a mark that stands is set anew, and who makes the
-- totals takes away none that were set since it began.
CREATE OR REPLACE FUNCTION rollup_total_mark() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM changed) THEN
        PERFORM pg_advisory_xact_lock_shared(1953460321, c.chunk)
        FROM (SELECT DISTINCT instrument_key >> 10 AS chunk FROM changed ORDER BY 1) c;
        INSERT INTO rollup_total_stale (instrument_key, day)
        SELECT c.instrument_key, c.day
        FROM changed c JOIN rollup_total_reach r ON r.chunk = c.instrument_key >> 10
        WHERE c.day < r.through
        ORDER BY 1, 2
        -- The time stays: how long readers have waited. The row's xmin is what is new.
        ON CONFLICT (instrument_key, day) DO UPDATE SET marked_at = rollup_total_stale.marked_at;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION rollup_total_clear() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    TRUNCATE rollup_total, rollup_total_step, rollup_total_reach, rollup_total_stale,
             rollup_hour, heard_month;
    RETURN NULL;
END
$$;

-- Transition tables allow one event a trigger. An upsert fires two; so it comes in one statement.
CREATE OR REPLACE TRIGGER rollup_total_inserted AFTER INSERT ON rollup_day
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION rollup_total_mark();
CREATE OR REPLACE TRIGGER rollup_total_updated AFTER UPDATE ON rollup_day
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION rollup_total_mark();
CREATE OR REPLACE TRIGGER rollup_total_deleted AFTER DELETE ON rollup_day
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION rollup_total_mark();
CREATE OR REPLACE TRIGGER rollup_total_truncated AFTER TRUNCATE ON rollup_day
    FOR EACH STATEMENT EXECUTE FUNCTION rollup_total_clear();
