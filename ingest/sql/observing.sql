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
       (SELECT count(*) FROM delivery WHERE failures > 0) AS deliveries_failing,
       (SELECT count(*) FROM delivery_item WHERE given_up_at IS NOT NULL)
           AS delivery_items_given_up,
       -- Since somebody last sent, or might have first.
       (SELECT coalesce(max(extract(epoch FROM
                    now() - greatest(d.served_at, d.paused_until, i.due_at))), 0)
        FROM delivery d,
             LATERAL (SELECT min(due_at) AS due_at FROM delivery_item i
                      WHERE i.delivery_key = d.delivery_key AND i.due_at <= now()) i
        WHERE i.due_at IS NOT NULL AND (d.paused_until <= now()) IS NOT FALSE)
           AS deliveries_unattended_seconds,
       (SELECT count(*) FROM alert
        WHERE kind = 'booking_feed_failing' AND closed_at IS NULL) AS booking_feeds_failing,
       (SELECT count(*) FROM alert
        WHERE closed_at IS NULL AND acknowledged_at IS NULL AND (muted_until > now()) IS NOT TRUE)
           AS alerts_open,
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
