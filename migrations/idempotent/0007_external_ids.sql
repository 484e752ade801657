-- Every id that a file states is looked for: with entries waiting outside the index, each look would
-- read all that wait.
ALTER INDEX instrument_version_external_ids SET (fastupdate = off);
ALTER INDEX institution_version_external_ids SET (fastupdate = off);
