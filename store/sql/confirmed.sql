-- What of instruments' time is confirmed (models/confirmed.py); included by statements of periods.

-- name: chain
-- Pieces of instruments, each with whether all is confirmed from the beginning of its hour on. Each
-- version of an instrument's settings is a row of its own, with the longest step that it allows.
WITH linked AS (
    SELECT s.instrument_key, s.state, s.starts_at, s.ends_at, h.hour, v.low, v.high,
           s.step_us <= v.longest AND s.starts_at = coalesce(
               lag(s.ends_at) OVER (PARTITION BY s.instrument_key, h.hour ORDER BY s.starts_at),
               h.hour) AS linked
    FROM unnest(%(keys)s::int[], %(since)s::timestamptz[], %(until)s::timestamptz[],
                %(longest)s::bigint[], %(lows)s::timestamptz[], %(highs)s::timestamptz[])
         AS v (key, since, until, longest, low, high)
    JOIN segment s ON s.instrument_key = v.key
         AND s.starts_at >= v.since AND s.starts_at < v.until
    CROSS JOIN LATERAL (SELECT date_trunc('hour', s.starts_at, 'UTC') AS hour) h
    WHERE s.starts_at >= %(start)s AND s.starts_at < %(end)s
), chain AS (
    SELECT *, bool_and(linked) OVER (
        PARTITION BY instrument_key, hour ORDER BY starts_at) AS confirmed
    FROM linked
)
