-- Microseconds since 1970 UTC of a time, exact to the microsecond from 1949 to 2091; NULL for
-- an infinite one is the caller's affair (`isfinite`). Counted from 2020, because a double is
-- exact near its zero only; inlined, and twice as fast as extract()'s numeric.
CREATE OR REPLACE FUNCTION us(at timestamptz) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT (date_part('epoch', at - timestamptz '2020-01-01T00:00:00Z') * 1e6)::bigint
           + 1577836800000000
$$;

-- The same of an end that may be infinite: what is not over yet ends in 2090.
CREATE OR REPLACE FUNCTION us_end(at timestamptz) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT us(least(at, timestamptz '2090-01-01T00:00:00Z'))
$$;

-- The time of microseconds since 1970 UTC. In days and what is left of them, because a double is exact
-- near its zero only. A thousand numbers are sent and read in a tenth of the time of a thousand times.
CREATE OR REPLACE FUNCTION from_us(us bigint) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT timestamptz 'epoch' + us / 86400000000 * interval '24 hours' + us % 86400000000 * interval '1 microsecond'
$$;
