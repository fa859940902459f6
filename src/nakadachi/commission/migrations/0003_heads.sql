-- X1: trees that a log signed, as nodes told us, and what became of the comparison with the log we cosigned. A tree that is
-- not in that log is kept for good, with the checkpoint it contradicts: two signatures of one key that cannot both be right.
CREATE TABLE head_told (
    origin   text NOT NULL,
    size     bigint NOT NULL,
    root     bytea NOT NULL,
    note     text NOT NULL,
    reporter text NOT NULL,
    told_at  timestamptz NOT NULL,
    state    text NOT NULL,
    against  text,
    PRIMARY KEY (origin, size, root)
);
CREATE INDEX head_told_open ON head_told (origin, size) WHERE state = 'open';
CREATE INDEX head_told_at ON head_told (told_at);

-- The note of the newest checkpoint cosigned, as the log signed it.
ALTER TABLE witnessed ADD COLUMN note text;
