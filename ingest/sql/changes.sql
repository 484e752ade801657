-- What follows from what a transaction changed; sent by changes.py.

-- name: forget_rollups
SELECT rollup_forget(%s::int[], %s::timestamptz[], %s::timestamptz[])
