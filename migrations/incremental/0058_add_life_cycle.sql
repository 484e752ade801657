-- The life cycle of instruments: its dates are fields of the registry as the days of service are,
-- so that there is one place for them.
ALTER TABLE instrument_version ADD COLUMN planned_on date;
ALTER TABLE instrument_version ADD COLUMN accepted_on date;
ALTER TABLE instrument_version ADD COLUMN suspensions jsonb;

-- Who moved an instrument on, and why. The registry says when.
CREATE TABLE life_cycle_note (
    note_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instrument_key integer NOT NULL REFERENCES instrument,
    state          text NOT NULL CHECK (state IN ('planned', 'accepted', 'in_service', 'suspended', 'retired')),
    on_day         date NOT NULL,
    reason         text NOT NULL,
    actor          text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX life_cycle_note_of ON life_cycle_note (instrument_key, note_id);
