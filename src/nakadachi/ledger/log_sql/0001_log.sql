-- The append-only log of permits (design 2.3, 2.4). `node` holds every complete subtree, level 0 being the leaves.
CREATE TABLE log_tree (
    origin     text PRIMARY KEY,
    size       bigint NOT NULL,
    holder     text NOT NULL,
    fence      bigint NOT NULL,
    until      timestamptz NOT NULL
);

CREATE TABLE log_pending (
    origin text NOT NULL,
    entry  bytea NOT NULL,
    placed bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (origin, entry)
);

CREATE TABLE log_entry (
    origin text NOT NULL,
    entry  bytea NOT NULL,
    index  bigint NOT NULL,
    PRIMARY KEY (origin, entry)
);
CREATE UNIQUE INDEX log_entry_index ON log_entry (origin, index);

CREATE TABLE log_node (
    origin text NOT NULL,
    level  smallint NOT NULL,
    index  bigint NOT NULL,
    hash   bytea NOT NULL,
    PRIMARY KEY (origin, level, index)
);

-- Checkpoints with the Commission's cosignature: the newest is handed on with every inquiry.
CREATE TABLE log_cosigned (
    origin text NOT NULL,
    size   bigint NOT NULL,
    note   text NOT NULL,
    at     timestamptz NOT NULL,
    PRIMARY KEY (origin, size, at)
);
