-- Compression for the role that writes: it wants the table's owner, who lends exactly this.
-- The Apache edition has neither the option nor the function; nobody calls it there.

-- Compresses one chunk of heartbeat, also one that was compressed and got late rows since;
-- returns its size in bytes afterwards.
CREATE OR REPLACE FUNCTION compress_heartbeat_chunk(chunk regclass) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    size bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM show_chunks('public.heartbeat') AS known
                   WHERE known::oid = chunk::oid) THEN
        RAISE EXCEPTION '% is no chunk of heartbeat', chunk USING ERRCODE = '42P01';
    END IF;
    IF NOT (SELECT compression_enabled FROM timescaledb_information.hypertables
            WHERE hypertable_schema = 'public' AND hypertable_name = 'heartbeat') THEN
        -- By instrument, since every figure is of one; in the order of its key.
        EXECUTE 'ALTER TABLE public.heartbeat SET (timescaledb.compress,'
                ' timescaledb.compress_segmentby = ''instrument_key'','
                ' timescaledb.compress_orderby = ''ts'')';
    END IF;
    EXECUTE format('SELECT compress_chunk(%L::regclass)', chunk);
    EXECUTE format('SELECT total_bytes FROM chunks_detailed_size(''public.heartbeat'')'
                   ' WHERE format(''%%I.%%I'', chunk_schema, chunk_name)::regclass = %L::regclass',
                   chunk) INTO size;
    RETURN size;
END
$$;
REVOKE ALL ON FUNCTION compress_heartbeat_chunk(regclass) FROM PUBLIC;
