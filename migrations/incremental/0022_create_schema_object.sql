-- What migrations made, by kind and name: the runner writes it after each run (`migrations/runner.py`),
-- and whoever asks whether the schema is whole compares it with what is there.
CREATE TABLE schema_object (name text PRIMARY KEY);
