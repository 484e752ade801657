-- Which share of the listed instruments shall speak, from a day on: what the city steers by.
CREATE TABLE coverage_target (
    from_day   date PRIMARY KEY,
    share      numeric(5, 4) NOT NULL CHECK (share BETWEEN 0 AND 1),
    actor      text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
