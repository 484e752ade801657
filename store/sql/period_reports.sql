-- What closed periods are to self-reports; part of self_reports.sql.

-- name: holds
-- Whether a closed period holds a report's window.
EXISTS (SELECT FROM period p JOIN period_subject c USING (period_id)
        WHERE c.instrument_key = r.instrument_key AND p.closed_at IS NOT NULL
          AND p.starts_at <= r.starts_at AND p.ends_at >= r.ends_at)
