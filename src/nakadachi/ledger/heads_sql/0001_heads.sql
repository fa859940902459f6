-- X1: trees that a log signed, as seen here, until the Commission is told. Two of one size are two rows.
CREATE TABLE head_seen (
    origin  text NOT NULL,
    size    bigint NOT NULL,
    root    bytea NOT NULL,
    note    text NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (origin, size, root)
);
