-- A1: how far each author's trail is here: the number waited for, the running digest before it, the greatest number that it
-- was heard to have given, and when it was heard last. A gap shows as `seen` at or behind `next`.
CREATE TABLE trail_author (
    author   text PRIMARY KEY,
    next     bigint NOT NULL,
    digest   bytea NOT NULL,
    seen     bigint NOT NULL,
    heard_at timestamptz NOT NULL,
    asked_at timestamptz
);

-- What was handed over, signed by its author: the header as it came (its payload compressed), for evidence.
CREATE TABLE trail_telegram (
    author  text NOT NULL,
    first   bigint NOT NULL,
    last    bigint NOT NULL,
    signed  bytea NOT NULL,
    kept_at timestamptz NOT NULL,
    PRIMARY KEY (author, first)
);

-- Another entry under a number that was given before: the telegram that says so, beside the one that was kept (trail_telegram).
CREATE TABLE trail_contradiction (
    author  text NOT NULL,
    number  bigint NOT NULL,
    signed  bytea NOT NULL,
    kept_at timestamptz NOT NULL,
    PRIMARY KEY (author, number)
);

-- The entries, by month of the event (the first day of the month in Japan), so that a month can be dropped as a whole. The
-- tables of the months are made by the program, ahead.
CREATE TABLE trail_entry (
    month        date NOT NULL,
    author       text NOT NULL,
    number       bigint NOT NULL,
    hash         bytea NOT NULL,
    kept_at      timestamptz NOT NULL,
    serial       text NOT NULL,
    event        text NOT NULL,
    at           timestamptz NOT NULL,
    inquirer     text NOT NULL,
    provider     text NOT NULL,
    affair       text NOT NULL,
    procedure    text NOT NULL,
    information  text NOT NULL,
    items        text[] NOT NULL,
    requested_at timestamptz,
    provided_at  timestamptz,
    reason       text,
    leaf         bytea,
    ending       text,
    withheld     boolean NOT NULL,
    staff        text,
    department   text NOT NULL,
    terminal     text NOT NULL,
    purpose      text NOT NULL,
    case_digest  bytea,
    origin       text,
    index        bigint,
    tag          bytea,
    issued_at    timestamptz,
    accept_by    timestamptz,
    answer_by    timestamptz,
    faults       text[] NOT NULL,
    PRIMARY KEY (author, number, month)
) PARTITION BY LIST (month);
CREATE INDEX trail_entry_serial ON trail_entry (serial);
CREATE INDEX trail_entry_at ON trail_entry (at);
CREATE INDEX trail_entry_inquirer ON trail_entry (inquirer, at);
CREATE INDEX trail_entry_provider ON trail_entry (provider, at);
CREATE INDEX trail_entry_staff ON trail_entry (staff, at) WHERE staff IS NOT NULL;
CREATE INDEX trail_entry_tag ON trail_entry (tag, at) WHERE tag IS NOT NULL;

-- The months that have a table; whoever adds one holds the row of the lock until the commit.
CREATE TABLE trail_month (
    month date PRIMARY KEY
);
CREATE TABLE trail_month_lock (
    id integer PRIMARY KEY
);
INSERT INTO trail_month_lock (id) VALUES (1);

-- A2: how each exchange stands. `touched` where an entry came since it was judged; `due_at` when time alone may change it.
CREATE TABLE reconciliation (
    serial    text PRIMARY KEY,
    month     date NOT NULL,
    verdict   text,
    troubles  text[] NOT NULL DEFAULT '{}',
    touched   boolean NOT NULL,
    first_at  timestamptz NOT NULL,
    judged_at timestamptz,
    due_at    timestamptz
);
CREATE INDEX reconciliation_touched ON reconciliation (first_at) WHERE touched;
CREATE INDEX reconciliation_due ON reconciliation (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX reconciliation_verdict ON reconciliation (verdict, judged_at);
