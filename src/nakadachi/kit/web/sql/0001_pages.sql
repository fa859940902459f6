-- Who may enter the pages of this system. A name is never given twice: it stands in the operation log for good.
CREATE TABLE page_user (
    name         text PRIMARY KEY,
    role         text NOT NULL,
    handle       bytea NOT NULL,
    password     text,
    setup        bytea UNIQUE,
    setup_until  timestamptz,
    failures     integer NOT NULL DEFAULT 0,
    locked_until timestamptz,
    added_at     timestamptz NOT NULL,
    added_by     text NOT NULL,
    entered_at   timestamptz,
    removed_at   timestamptz
);
-- Their security keys (WebAuthn): the public half, and how often each was used as it says itself.
CREATE TABLE page_key (
    id         bytea PRIMARY KEY,
    name       text NOT NULL,
    label      text NOT NULL,
    public_key bytea NOT NULL,
    uses       bigint NOT NULL,
    added_at   timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX page_key_name ON page_key (name);
-- Who is in. The cookie's value is not here, only its digest: who reads this table can enter nowhere.
CREATE TABLE page_session (
    tag       bytea PRIMARY KEY,
    name      text NOT NULL,
    stage     text NOT NULL,
    made_at   timestamptz NOT NULL,
    seen_at   timestamptz NOT NULL,
    challenge bytea
);
CREATE INDEX page_session_name ON page_session (name);
-- The operation log: one row for everything that somebody saw or did, each with a digest over it and the one before.
CREATE TABLE page_operation (
    number  bigint PRIMARY KEY,
    at      timestamptz NOT NULL,
    name    text NOT NULL,
    role    text NOT NULL,
    session text NOT NULL,
    action  text NOT NULL,
    page    text NOT NULL,
    about   text NOT NULL,
    digest  bytea NOT NULL
);
CREATE INDEX page_operation_name ON page_operation (name, number);
CREATE TABLE page_operation_tip (
    id     integer PRIMARY KEY,
    number bigint NOT NULL,
    digest bytea NOT NULL
);
