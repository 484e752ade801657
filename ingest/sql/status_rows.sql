-- Where each instrument's fold stands; sent by status_rows.py, which fills in the columns.

-- name: lock
-- In key order, so that two workers do not wait for each other; the keys that there are, and their
-- versions, in one value each, which is cheaper to read than a row each.
SELECT array_agg(instrument_key::bigint), array_agg(version)
FROM (SELECT instrument_key, version FROM instrument_status WHERE instrument_key = ANY(%b)
      ORDER BY instrument_key FOR NO KEY UPDATE) AS locked

-- name: read
-- A column in one value each, NULL as what it is in memory: rows by the ten thousand cost ten times as much.
SELECT {columns} FROM instrument_status WHERE instrument_key = ANY(%b)

-- name: landing
-- COPY wants its types to the letter, so the landing table takes them from the real one.
CREATE TEMPORARY TABLE IF NOT EXISTS status_in ON COMMIT DELETE ROWS
AS SELECT {columns} FROM instrument_status WHERE false

-- name: copy
COPY status_in ({columns}) FROM STDIN (FORMAT BINARY)

-- name: update
-- Not what another worker wrote since: who did not lock the row finds that out by the count. Merged or
-- looked up by key, rows are locked in the order of keys, in which they were sent, hashed perhaps not.
SET LOCAL enable_hashjoin = off;
UPDATE instrument_status s SET {assignments}
FROM status_in i WHERE s.instrument_key = i.instrument_key AND s.version = i.version - 1

-- name: flag_clocks
-- Instruments whose clock ran ahead of a receipt.
UPDATE instrument_status s SET clock_future_at = f.at
FROM unnest(%s::int[], %s::timestamptz[]) AS f (key, at)
WHERE s.instrument_key = f.key
