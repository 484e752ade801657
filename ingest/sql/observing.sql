-- What is watched of the database and of the fleet; read by observing.py. A column's name is the
-- metric's, after jishi_.

-- name: figures
WITH present AS (
    SELECT v.institution_key, s.first_at, s.live_until
    FROM instrument_version v JOIN instrument_status s USING (instrument_key)
    WHERE v.force_from <= now() AND v.force_to > now()
      AND (v.retired_on IS NULL OR v.retired_on::timestamp AT TIME ZONE v.timezone > now())
), institutions AS (
    SELECT max(live_until) AS live_until FROM present GROUP BY institution_key
)
SELECT pg_database_size(current_database()) AS database_size_bytes,
       (SELECT sum(numbackends) FROM pg_stat_database)::bigint AS database_connections,
       current_setting('max_connections')::bigint AS database_connections_most,
       (SELECT count(*) FROM rollup_todo) AS database_rollups_waiting,
       (SELECT count(*) FROM rebuild_todo) AS database_rebuilds_waiting,
       i.*, n.*
FROM (SELECT count(*) FILTER (WHERE live_until > now()) AS instruments_online,
             count(*) FILTER (WHERE first_at IS NOT NULL
                              AND (live_until > now()) IS NOT TRUE) AS instruments_offline,
             count(*) FILTER (WHERE first_at IS NULL) AS instruments_never_seen
      FROM present) AS i,
     (SELECT count(*) AS institutions_heard,
             count(*) FILTER (WHERE live_until <= now()) AS institutions_silent
      FROM institutions WHERE live_until > now() - interval '24 hours') AS n

-- name: standbys
SELECT written, replayed FROM standby_positions()
