-- Orders that vouchers pay for, line by line: that an instrument was used for so long within a
-- window. A line is known by its scheme, its reference and its number. One that says something else
-- takes the former's place as its next revision; the former is kept.
CREATE TABLE voucher_line (
    line_key       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scheme         text COLLATE "C" NOT NULL,
    reference      text COLLATE "C" NOT NULL,
    line           integer NOT NULL CHECK (line > 0),
    revision       integer NOT NULL DEFAULT 1 CHECK (revision > 0),
    instrument_key int NOT NULL REFERENCES instrument,
    starts_at      timestamptz NOT NULL,
    ends_at        timestamptz NOT NULL CHECK (ends_at > starts_at),
    claimed_us     bigint NOT NULL CHECK (claimed_us >= 0),
    amount_cny     numeric(14, 2),
    unit_price_cny numeric(14, 2),
    user_type      text NOT NULL,                  -- '': not said
    user_unit      text NOT NULL,                  -- an organisation, no person
    actor          text NOT NULL,
    taken_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (scheme, reference, line)
);
CREATE INDEX voucher_line_instrument ON voucher_line (instrument_key, starts_at);
CREATE INDEX voucher_line_starts ON voucher_line (starts_at, line_key);

CREATE TABLE voucher_line_former (
    line_key       bigint NOT NULL REFERENCES voucher_line,
    revision       integer NOT NULL,
    instrument_key int NOT NULL REFERENCES instrument,
    starts_at      timestamptz NOT NULL,
    ends_at        timestamptz NOT NULL,
    claimed_us     bigint NOT NULL,
    amount_cny     numeric(14, 2),
    unit_price_cny numeric(14, 2),
    user_type      text NOT NULL,
    user_unit      text NOT NULL,
    actor          text NOT NULL,
    taken_at       timestamptz NOT NULL,
    PRIMARY KEY (line_key, revision)
);
