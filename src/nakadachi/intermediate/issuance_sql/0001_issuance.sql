-- I1, L1: each request for link codes under its serial: for how many people, how many codes were set or found right,
-- how many were refused, and how many got no answer in time. `order_name` is the order it belongs to, empty without one.
CREATE TABLE issuance_packet (
    serial     text PRIMARY KEY,
    order_name text NOT NULL,
    checking   boolean NOT NULL,
    asked      integer NOT NULL,
    done       integer NOT NULL DEFAULT 0,
    refused    integer NOT NULL DEFAULT 0,
    unanswered integer NOT NULL DEFAULT 0,
    asked_at   timestamptz NOT NULL,
    ended_at   timestamptz
);
CREATE INDEX issuance_packet_open ON issuance_packet (order_name) WHERE ended_at IS NULL;
CREATE INDEX issuance_packet_order ON issuance_packet (order_name);

-- What the former version left has no serial.
ALTER TABLE issuance ADD COLUMN serial text;
ALTER TABLE issuance ADD COLUMN checking boolean NOT NULL DEFAULT false;
CREATE INDEX issuance_requested ON issuance (requested_at);
ALTER TABLE issuance_refused ADD COLUMN hit text;
ALTER TABLE issuance_refused ADD COLUMN serial text;
ALTER TABLE purge ADD COLUMN serial text;
ALTER TABLE purge ADD COLUMN ending text NOT NULL DEFAULT 'set';

-- L5: when our own row of a person was changed, to tell why a code no longer fits.
ALTER TABLE person ADD COLUMN changed_at timestamptz;

-- M1: orders for many people: a file to be linked (its lines stand in link_line), or a re-check of all who are linked.
-- `last_line` and `last_addressee` say how far requests were made; `before` counts who was linked by then.
CREATE TABLE link_order (
    name           text PRIMARY KEY,
    checking       boolean NOT NULL,
    automatic      boolean NOT NULL,
    digest         bytea,
    people         integer NOT NULL,
    rejected       integer NOT NULL,
    before         integer NOT NULL DEFAULT 0,
    last_line      integer NOT NULL DEFAULT 0,
    last_addressee text NOT NULL DEFAULT '',
    made_at        timestamptz NOT NULL,
    asked_at       timestamptz,
    ended_at       timestamptz,
    linked         integer,
    refused        integer
);
CREATE TABLE link_line (
    order_name text NOT NULL,
    line       integer NOT NULL,
    addressee  text NOT NULL,
    PRIMARY KEY (order_name, line)
);
CREATE TABLE link_reject (
    order_name text NOT NULL,
    line       integer NOT NULL,
    place      integer NOT NULL,
    reason_ja  text NOT NULL,
    reason_en  text NOT NULL,
    mend       text NOT NULL,
    PRIMARY KEY (order_name, line)
);

-- L5: what is wrong with a link, for staff: found at linking or by a re-check, each kind once a person.
CREATE TABLE link_finding (
    addressee  text NOT NULL,
    kind       text NOT NULL,
    at         timestamptz NOT NULL,
    serial     text,
    order_name text NOT NULL,
    PRIMARY KEY (addressee, kind)
);
CREATE INDEX link_finding_order ON link_finding (order_name);
