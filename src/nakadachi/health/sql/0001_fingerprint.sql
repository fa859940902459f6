-- N5: the program and the settings of each instance as they were when they were last accepted.
CREATE TABLE fingerprint (
    instance    text PRIMARY KEY,
    version     text NOT NULL,
    program     bytea NOT NULL,
    settings    bytea NOT NULL,
    accepted_at timestamptz NOT NULL
);
