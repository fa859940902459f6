-- Information-provision records (Act art. 23; C13, I10): only ever added to.
CREATE TABLE record (
    serial      text NOT NULL,
    event       text NOT NULL,
    at          timestamptz NOT NULL,
    inquirer    text NOT NULL,
    provider    text NOT NULL,
    affair      text NOT NULL,
    procedure   text NOT NULL,
    information text NOT NULL,
    items       text[] NOT NULL,
    reason      text,
    leaf        bytea,
    staff       text NOT NULL,
    department  text NOT NULL,
    terminal    text NOT NULL,
    purpose     text NOT NULL,
    case_number text NOT NULL,
    withheld    boolean NOT NULL,
    PRIMARY KEY (serial, event)
);

-- The documents in use: law book and directory, as notes signed by core and Commission (C16, I13).
CREATE TABLE edition (
    kind    text NOT NULL,
    version bigint NOT NULL,
    note    bytea NOT NULL,
    held_at timestamptz NOT NULL,
    PRIMARY KEY (kind, version)
);
