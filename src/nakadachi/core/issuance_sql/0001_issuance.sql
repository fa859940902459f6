-- L1, I1: each request for link codes that was served: under which serial, for how many, and when its matching numbers
-- were purged here, by `ending`: kept (the codes reached the organisation), refused or unanswered. No code, no number.
CREATE TABLE issuance (
    request_id   text NOT NULL,
    issued_id    text NOT NULL UNIQUE,
    serial       text,
    organisation text NOT NULL,
    people       integer NOT NULL,
    checking     boolean NOT NULL,
    at           timestamptz NOT NULL,
    purged_at    timestamptz,
    ending       text,
    PRIMARY KEY (organisation, request_id)
);
CREATE UNIQUE INDEX issuance_serial ON issuance (serial) WHERE serial IS NOT NULL;
