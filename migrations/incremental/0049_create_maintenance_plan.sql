-- Maintenance that is due by measured running time or by date, whichever comes first, counted from
-- the last time that it was done. Nothing measured is kept here: what has run is read from segments.

CREATE TABLE maintenance_plan (
    plan_id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instrument_key   integer NOT NULL REFERENCES instrument,
    name             text NOT NULL,
    every_running_us bigint CHECK (every_running_us > 0),
    every_days       integer CHECK (every_days > 0),
    starts_at        timestamptz NOT NULL,     -- counted from here until it is first done
    ended_at         timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    CHECK (every_running_us IS NOT NULL OR every_days IS NOT NULL)
);
CREATE INDEX maintenance_plan_of ON maintenance_plan (instrument_key, plan_id);

-- When it was done, and why: never changed. Counting begins anew at the latest one.
CREATE TABLE maintenance_reset (
    reset_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan_id    bigint NOT NULL REFERENCES maintenance_plan,
    at         timestamptz NOT NULL,
    reason     text NOT NULL,
    actor      text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX maintenance_reset_of ON maintenance_reset (plan_id, at);
