-- On which days of a month instruments were heard at all: of 1,024 instruments (instrument_key / 1024 =
-- chunk) a big-endian 32-bit integer each, bit n - 1 for the month's n-th day. A day counts where some of
-- its time is known. So ten years of a city's sensors are some thousand rows instead of 86 million.
-- Derived from rollup_day alone and made with the running totals (store/figures/totals.py).
CREATE TABLE heard_month (
    month date NOT NULL,         -- its first day
    chunk integer NOT NULL,
    days  bytea NOT NULL,
    PRIMARY KEY (month, chunk)
);

DO $$
BEGIN
    ALTER TABLE heard_month ALTER COLUMN days SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'this server has no lz4';
END
$$;

-- Of what the totals have taken in; what changed since is marked there, and answered from segments.
INSERT INTO heard_month (month, chunk, days)
SELECT m.month::date, r.chunk,
       string_agg(int4send(coalesce(h.days, 0)), ''::bytea ORDER BY k.instrument_key)
FROM rollup_total_reach r
CROSS JOIN generate_series(date_trunc('month', r.first), r.through - 1, interval '1 month') m (month)
CROSS JOIN LATERAL generate_series(r.chunk * 1024, r.chunk * 1024 + 1023) k (instrument_key)
LEFT JOIN LATERAL (
    SELECT bit_or(1 << (extract(day FROM d.day)::integer - 1)) AS days
    FROM rollup_day d
    WHERE d.instrument_key = k.instrument_key AND d.day >= m.month AND d.day < r.through
      AND d.day < m.month + interval '1 month' AND d.running_us + d.idle_us + d.off_us > 0
) h ON true
GROUP BY m.month, r.chunk;
