-- Persons of an identity provider sign in as keys do: what their claims entitled them to stands in
-- the sign-in, since there is no key that would say it.
ALTER TABLE sign_in ALTER COLUMN key_id DROP NOT NULL;
ALTER TABLE sign_in ADD COLUMN subject text;
ALTER TABLE sign_in ADD COLUMN name text;
ALTER TABLE sign_in ADD COLUMN scopes text[];
ALTER TABLE sign_in ADD COLUMN institution_key integer REFERENCES institution;
ALTER TABLE sign_in ADD CONSTRAINT sign_in_of_one CHECK (
    (key_id IS NULL) = (subject IS NOT NULL) AND (key_id IS NULL) = (scopes IS NOT NULL)
    AND (key_id IS NULL OR institution_key IS NULL)
);
CREATE INDEX sign_in_of_subject ON sign_in (subject, created_at) WHERE subject IS NOT NULL;
