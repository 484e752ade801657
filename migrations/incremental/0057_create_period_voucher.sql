-- What the closing of a period made of the lines of orders whose windows it holds: what is signed,
-- its signature, and the measured time that it uses, start after end. Of several periods that hold
-- a line, the one that was closed first.
CREATE TABLE period_voucher (
    line_key  bigint PRIMARY KEY REFERENCES voucher_line,
    period_id bigint NOT NULL REFERENCES period,
    revision  integer NOT NULL,                    -- of the line
    verdict   text NOT NULL,
    used      bigint[] NOT NULL,
    evidence  bytea NOT NULL,
    key_id    text NOT NULL,
    signature bytea NOT NULL
);
CREATE INDEX period_voucher_period ON period_voucher (period_id);
