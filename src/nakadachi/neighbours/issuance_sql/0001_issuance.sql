-- L1, I1: each request for link codes that was answered: whose, under which serial, for how many people, how many were
-- found, and when its matching numbers were purged here. No person, no number, no record code.
CREATE TABLE issuance (
    request_id   text NOT NULL,
    issue_id     text UNIQUE,
    serial       text,
    organisation text NOT NULL,
    people       integer NOT NULL,
    found        integer NOT NULL,
    checking     boolean NOT NULL,
    at           timestamptz NOT NULL,
    purged_at    timestamptz,
    ending       text,
    PRIMARY KEY (organisation, request_id)
);
