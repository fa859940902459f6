-- C15: records that have no number yet in the trail that is handed over to the Commission.
CREATE TABLE trail_pending (
    serial text NOT NULL,
    event  text NOT NULL,
    placed bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (serial, event)
);
CREATE INDEX trail_pending_placed ON trail_pending (placed);

-- The one trail of this node: numbers up to `last` are given, with the running digest behind it; those up to `sent` the
-- Commission has. One telegram is under way at a time; `rests_until` is when the next goes after one that was refused.
CREATE TABLE trail (
    id          integer PRIMARY KEY,
    last        bigint NOT NULL,
    digest      bytea NOT NULL,
    sent        bigint NOT NULL,
    under_way   text,
    rests_until timestamptz
);
INSERT INTO trail (id, last, digest, sent) VALUES (1, 0, decode(repeat('00', 32), 'hex'), 0);

-- What was said stays as it was said: the entries of each telegram (JSON), to be handed over again.
CREATE TABLE trail_batch (
    first   bigint PRIMARY KEY,
    last    bigint NOT NULL,
    before  bytea NOT NULL,
    after   bytea NOT NULL,
    entries bytea NOT NULL
);

-- Records of before are handed over too.
INSERT INTO trail_pending (serial, event) SELECT serial, event FROM record ORDER BY at, serial, event;
