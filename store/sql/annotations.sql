-- What people say of uses of instruments; read and written by store/reports/annotations.py.

-- name: within
-- Of instruments, those at an instant of a window.
SELECT instrument_key,
-- include: report_columns.annotation
FROM annotation
WHERE instrument_key = ANY (%(keys)s::int[]) AND at >= %(start)s AND at < %(end)s
ORDER BY instrument_key, at, annotation_id
