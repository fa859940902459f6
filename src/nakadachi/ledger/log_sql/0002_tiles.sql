-- The log in fewer and larger rows (decision 0036): entries in the batches in which they got their places, an entry's
-- place by its first 64 bits, and hashes by full tiles of 256 (C2SP tlog-tiles). The tree's right edge is computed
-- from these. Pending entries are one row for each decision that left some.
CREATE TABLE log_chunk (
    origin  text NOT NULL,
    first   bigint NOT NULL,
    entries bytea NOT NULL,
    PRIMARY KEY (origin, first)
);
ALTER TABLE log_chunk ALTER COLUMN entries SET STORAGE EXTERNAL;
INSERT INTO log_chunk (origin, first, entries)
    SELECT origin, min(index), string_agg(entry, ''::bytea ORDER BY index) FROM log_entry GROUP BY origin, index >> 8;

CREATE TABLE log_place (
    key    bigint PRIMARY KEY,
    index  bigint NOT NULL,
    origin text NOT NULL
);
INSERT INTO log_place (key, index, origin)
    SELECT ('x' || encode(substr(entry, 1, 8), 'hex'))::bit(64)::bigint, index, origin FROM log_entry
    ON CONFLICT DO NOTHING;
-- Two that begin alike: the second is found by its next 64 bits.
INSERT INTO log_place (key, index, origin)
    SELECT ('x' || encode(substr(entry, 9, 8), 'hex'))::bit(64)::bigint, index, origin FROM log_entry
    WHERE NOT EXISTS (
        SELECT FROM log_place WHERE log_place.origin = log_entry.origin AND log_place.index = log_entry.index
    );

CREATE TABLE log_tile (
    origin text NOT NULL,
    level  smallint NOT NULL,
    index  bigint NOT NULL,
    hashes bytea NOT NULL,
    root   bytea NOT NULL,
    PRIMARY KEY (origin, level, index)
);
ALTER TABLE log_tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
INSERT INTO log_tile (origin, level, index, hashes, root)
    SELECT node.origin, node.level / 8, node.index >> 8, string_agg(node.hash, ''::bytea ORDER BY node.index), above.hash
    FROM log_node AS node
    JOIN log_node AS above
        ON above.origin = node.origin AND above.level = node.level + 8 AND above.index = node.index >> 8
    WHERE node.level % 8 = 0
    GROUP BY node.origin, node.level, node.index >> 8, above.hash;

ALTER TABLE log_pending DROP CONSTRAINT log_pending_pkey;
ALTER TABLE log_pending RENAME COLUMN entry TO entries;
ALTER TABLE log_pending ALTER COLUMN entries SET STORAGE EXTERNAL;
ALTER TABLE log_pending ADD PRIMARY KEY (origin, placed);

DROP TABLE log_node;
DROP TABLE log_entry;

-- For people and their tools; no program of ours reads it.
CREATE VIEW log_entry AS
    SELECT origin, substr(entries, 32 * place + 1, 32) AS entry, first + place AS index
    FROM log_chunk CROSS JOIN LATERAL generate_series(0, length(entries) / 32 - 1) AS place;
