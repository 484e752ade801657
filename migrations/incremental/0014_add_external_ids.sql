-- What an instrument is of its kind, and what others call it. Ids of other registers are unique
-- within their scheme at any one time: the writer sees to it under the registry's lock.
ALTER TABLE instrument_version ADD COLUMN model text;
ALTER TABLE instrument_version ADD COLUMN manufacturer text;
ALTER TABLE instrument_version ADD COLUMN external_ids jsonb;
ALTER TABLE institution_version ADD COLUMN external_ids jsonb;
CREATE INDEX instrument_version_external_ids
    ON instrument_version USING gin (external_ids jsonb_path_ops);
CREATE INDEX institution_version_external_ids
    ON institution_version USING gin (external_ids jsonb_path_ops);
