-- Forms of reports of one's own. A version is never changed; the newest is in force. The document
-- keeps the order in which it was written, which jsonb would not.
CREATE TABLE report_profile (
    name       text NOT NULL,
    version    integer NOT NULL CHECK (version > 0),
    document   json NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    PRIMARY KEY (name, version)
);

-- What forms ask for of institutions and instruments that nothing here is counted by.
ALTER TABLE institution_version ADD COLUMN region_code text;
ALTER TABLE institution_version ADD COLUMN report_fields jsonb;
ALTER TABLE instrument_version ADD COLUMN report_fields jsonb;

-- What forms ask for of an instrument and a period that nothing measures, by the forms' own words.
CREATE TABLE period_value (
    period_id      bigint NOT NULL REFERENCES period ON DELETE CASCADE,
    instrument_key int NOT NULL REFERENCES instrument,
    fields         jsonb NOT NULL,
    actor          text NOT NULL,
    changed_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (period_id, instrument_key)
);
