-- By whose days a city's rollup is cut; null in those that were published before it was told.

ALTER TABLE federation_rollup ADD COLUMN timezone text;
