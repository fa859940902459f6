-- C6: the keys of an organisation's link codes. An organisation without a row has key index 1, as it was founded.
-- `master` names the secret of the key store that the key is derived from.
CREATE TABLE link_key (
    organisation text NOT NULL,
    key_index    integer NOT NULL,
    state        text NOT NULL,
    master       text NOT NULL,
    emergency    boolean NOT NULL DEFAULT false,
    compromised_at timestamptz,
    created_at   timestamptz,
    retired_at   timestamptz,
    PRIMARY KEY (organisation, key_index)
);

-- The code that the holder confirmed is that of `key_index`; the former one is honoured until its key is retired.
ALTER TABLE link ADD COLUMN former_key_index integer;
CREATE INDEX link_organisation ON link (organisation, id_code);

-- A rotation under way or done: `cursor` is the last person of this sweep whose code was sent (empty: none).
CREATE TABLE rotation (
    organisation text NOT NULL,
    key_index    integer NOT NULL,
    emergency    boolean NOT NULL,
    cursor       bytea NOT NULL DEFAULT ''::bytea,
    swept        boolean NOT NULL DEFAULT false,
    total        bigint NOT NULL,
    replaced     bigint NOT NULL DEFAULT 0,
    started_at   timestamptz NOT NULL,
    due_at       timestamptz NOT NULL,
    confirmed_at timestamptz,
    finished_at  timestamptz,
    PRIMARY KEY (organisation, key_index)
);
CREATE INDEX rotation_due ON rotation (due_at) WHERE finished_at IS NULL;

-- Telegrams under way: whose codes they replace, in their order (10 bytes a person).
CREATE TABLE rotation_sent (
    telegram     text PRIMARY KEY,
    organisation text NOT NULL,
    key_index    integer NOT NULL,
    people       bytea NOT NULL
);
CREATE INDEX rotation_sent_organisation ON rotation_sent (organisation);
