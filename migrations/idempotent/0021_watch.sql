-- What is read by those who watch: the standbys, for ingest's metrics.

-- How far the log has come here and at each standby, in bytes. Only the server's owner and who
-- may see all statistics are told by the server, so whoever migrates lends it; where that account
-- is not told either, there seem to be none.
CREATE OR REPLACE FUNCTION standby_positions() RETURNS TABLE (written bigint, replayed bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                                ELSE pg_current_wal_lsn() END, '0/0')::bigint,
           pg_wal_lsn_diff(replay_lsn, '0/0')::bigint
    FROM pg_stat_replication WHERE replay_lsn IS NOT NULL
$$;
REVOKE ALL ON FUNCTION standby_positions() FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'jishi_write') THEN
        GRANT EXECUTE ON FUNCTION standby_positions() TO jishi_write;
    END IF;
END
$$;
