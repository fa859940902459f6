-- C3, C8: a link's days. `unlinked_at`, `suspended_at` and `resumed_at` are the beginnings of days in Japan, also to come.
ALTER TABLE link ADD COLUMN resumed_at timestamptz;

-- C3: generations that were closed by a new link.
CREATE TABLE link_history (
    id_code      bytea NOT NULL,
    organisation text NOT NULL,
    generation   smallint NOT NULL,
    key_index    integer NOT NULL,
    linked_at    timestamptz NOT NULL,
    unlinked_at  timestamptz NOT NULL,
    PRIMARY KEY (id_code, organisation, generation)
);

-- C8: who died is suspended everywhere, until that is undone.
CREATE TABLE death (
    id_code bytea PRIMARY KEY,
    told_at timestamptz NOT NULL
);

-- C8: the ID code of a changed resident record code, and the one that stands; it stands for itself (chains are collapsed).
CREATE TABLE alias (
    id_code bytea PRIMARY KEY,
    stands  bytea NOT NULL,
    told_at timestamptz NOT NULL
);
CREATE INDEX alias_stands ON alias (stands);

-- C17: who is told whose changes. Numbers up to `last` are given, up to `sent` on their way, up to `confirmed` noted.
CREATE TABLE subscription (
    organisation text PRIMARY KEY,
    scope        text NOT NULL,
    last         bigint NOT NULL DEFAULT 0,
    sent         bigint NOT NULL DEFAULT 0,
    confirmed    bigint NOT NULL DEFAULT 0
);

-- C17: whose changes an organisation is told that wants those of listed people only.
CREATE TABLE listed (
    id_code      bytea NOT NULL,
    organisation text NOT NULL,
    PRIMARY KEY (id_code, organisation)
);

-- C17: that something changed, never what. Numbers of an organisation have no gap.
CREATE TABLE change_event (
    organisation text NOT NULL,
    number       bigint NOT NULL,
    id_code      bytea NOT NULL,
    at           timestamptz NOT NULL,
    PRIMARY KEY (organisation, number)
);
CREATE INDEX change_event_at ON change_event (at);

-- C17: the logs of this core's instances when numbers were given last: a restored core has none of them any more.
CREATE TABLE numbering (
    origin text PRIMARY KEY
);
