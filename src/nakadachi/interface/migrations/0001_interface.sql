-- I1: every serial issued here. I2, I6: exchanges under way, on either side; the held pair (prefix) is erased at their end.
CREATE TABLE exchange (
    serial     text PRIMARY KEY,
    last       text NOT NULL,
    prefix     bytea,
    leaf_hash  bytea,
    answer_by  timestamptz,
    route_to   text,
    route_url  text,
    ended      boolean NOT NULL DEFAULT false,
    changed_at timestamptz NOT NULL
);

-- Single use (design 2.3): a permit's place in the log, kept past answer-by.
CREATE TABLE permit_used (
    origin    text NOT NULL,
    index     bigint NOT NULL,
    serial    text NOT NULL,
    answer_by timestamptz NOT NULL,
    PRIMARY KEY (origin, index)
);
