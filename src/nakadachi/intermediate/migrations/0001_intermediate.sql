-- M1: the organisation's people, tied to their link codes. The four items stay here and go to issuance only;
-- an Individual Number is erased as soon as the code is set.
CREATE TABLE person (
    addressee text PRIMARY KEY,
    name      text NOT NULL,
    kana      text NOT NULL,
    address   text NOT NULL,
    sex       smallint NOT NULL,
    born      date NOT NULL,
    individual_number text,
    link_code text UNIQUE,
    linked_at timestamptz
);

-- L1: matching numbers live here until their code is set, and no longer.
CREATE TABLE issuance (
    matching_number text PRIMARY KEY,
    addressee       text NOT NULL,
    requested_at    timestamptz NOT NULL
);
CREATE INDEX issuance_addressee ON issuance (addressee);

-- For whom no code could be issued, and why.
CREATE TABLE issuance_refused (
    addressee text PRIMARY KEY,
    reason    text NOT NULL
);

-- What is left of an issuance once its matching numbers are gone: how many, and when (L1).
CREATE TABLE purge (
    at    timestamptz NOT NULL,
    count integer NOT NULL
);

-- M4: what the organisation holds ready to answer, per person, item and day.
CREATE TABLE provision (
    addressee      text NOT NULL,
    item           text NOT NULL,
    publish_from   date NOT NULL,
    publish_until  date,
    version        integer NOT NULL,
    value          text,
    reason_of_null text,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (addressee, item, publish_from)
);

-- L10: markings of protection; information '*' means all.
CREATE TABLE protection (
    addressee         text NOT NULL,
    information       text NOT NULL,
    self_information  boolean NOT NULL,
    withheld          boolean NOT NULL,
    until             date,
    PRIMARY KEY (addressee, information)
);

-- M2: what we asked of others. `seed` opens the one-time body key and is erased when the exchange ends.
CREATE TABLE inquiry (
    serial     text PRIMARY KEY,
    last       text NOT NULL,
    state      text NOT NULL,
    reason     text,
    addressee  text NOT NULL,
    prefix     bytea NOT NULL,
    by         bytea NOT NULL,
    leaf_hash  bytea,
    suite      text,
    month      text,
    seed       bytea,
    answer     bytea,
    asked_at   timestamptz NOT NULL,
    ended_at   timestamptz
);

-- M3: what others asked of us. Single use of a permit: its place in the log is unique.
CREATE TABLE asked (
    serial    text PRIMARY KEY,
    last      text NOT NULL,
    origin    text NOT NULL,
    index     bigint NOT NULL,
    addressee text,
    prefix    bytea NOT NULL,
    leaf_hash bytea NOT NULL,
    body_key  bytea NOT NULL,
    suite     text NOT NULL,
    inquirer  text NOT NULL,
    state     text NOT NULL,
    reason    text,
    asked_at  timestamptz NOT NULL,
    answer_by timestamptz NOT NULL,
    UNIQUE (origin, index)
);
CREATE INDEX asked_held ON asked (asked_at) WHERE state = 'held';
CREATE INDEX asked_mismatch ON asked (addressee, asked_at) WHERE reason = 'SUBJECT_MISMATCH';

-- Endings to be told to the core, many in one telegram (hops 7 and 8).
CREATE TABLE completion (
    serial   text PRIMARY KEY,
    telegram text NOT NULL,
    ending   text NOT NULL,
    reason   text,
    ended_at timestamptz NOT NULL
);

-- What staff should look at: a subject that does not match, an answer about another person (L6, X4).
CREATE TABLE finding (
    serial text NOT NULL,
    kind   text NOT NULL,
    at     timestamptz NOT NULL,
    PRIMARY KEY (serial, kind)
);
