-- Whether an instrument is suspended on a local day, by `suspensions` of the registry.
CREATE OR REPLACE FUNCTION suspended_on(suspensions jsonb, day date)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT EXISTS (SELECT FROM jsonb_array_elements(suspensions) AS s (one)
                   WHERE (one ->> 'from')::date <= day
                     AND (one ->> 'to' IS NULL OR (one ->> 'to')::date > day))
$$;
