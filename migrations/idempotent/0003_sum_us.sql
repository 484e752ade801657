-- The sum of bigints as a bigint, NULL of nothing: sum() makes numeric of them, which takes
-- twice as long. For sums that fit into 64 bits, such as one instrument's; it fails where one
-- does not.
CREATE OR REPLACE AGGREGATE sum_us (bigint) (
    SFUNC = int8pl, STYPE = bigint, COMBINEFUNC = int8pl, PARALLEL = SAFE
);
