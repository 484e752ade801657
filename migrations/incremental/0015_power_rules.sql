-- Samples: heartbeats with power and no state, and devices' own words on availability.
COMMENT ON COLUMN heartbeat.state IS
    '0 off, 1 idle, 2 running, as stated or, of a sample, as judged; -1: it credits nothing';
COMMENT ON COLUMN heartbeat.flags IS
    'bits: models/heartbeat.py lists them';

-- The rule that gives samples a state (models/power_rule.py).
ALTER TABLE instrument_version ADD COLUMN power_rule jsonb;

-- Where the judge of samples stands; microseconds since 1970 UTC, 0: none.
ALTER TABLE instrument_status ADD COLUMN silence_until_us bigint NOT NULL DEFAULT 0;
ALTER TABLE instrument_status ADD COLUMN judged boolean NOT NULL DEFAULT false;
ALTER TABLE instrument_status ADD COLUMN online boolean NOT NULL DEFAULT false;
ALTER TABLE instrument_status ADD COLUMN level smallint NOT NULL DEFAULT -1;
ALTER TABLE instrument_status ADD COLUMN run_ts_us bigint NOT NULL DEFAULT 0;
ALTER TABLE instrument_status ADD COLUMN run_until_us bigint NOT NULL DEFAULT 0;
-- The runs that wait to have lasted: few at any time.
CREATE INDEX instrument_status_runs ON instrument_status (run_until_us) WHERE run_until_us > 0;
