-- Whether an instrument ran for an hour while its device's meter counted no energy, by the newest
-- day that is over.

ALTER TABLE instrument_status ADD COLUMN energy_disagrees boolean NOT NULL DEFAULT false;
