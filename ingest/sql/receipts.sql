-- What a transaction begins with; read by receipts.py and writer.py.

-- name: moment
-- The database's clock, the registry's revision, and when the rollups' present day began.
SELECT clock_timestamp(), (SELECT revision FROM registry_revision),
       date_trunc('day', clock_timestamp(), coalesce((SELECT value FROM service_setting
                  WHERE name = 'rollup_zone'), %s))

-- name: revision
SELECT revision FROM registry_revision
