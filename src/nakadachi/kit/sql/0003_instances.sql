-- Who runs this system right now, where it runs as several instances (N3): a lease per process, in the database's time.
CREATE TABLE instance (
    holder text PRIMARY KEY,
    name   text NOT NULL,
    until  timestamptz NOT NULL
);

-- What was given up a while ago: its answer may have been on its way already, and is heard once then (design 2.8).
CREATE TABLE given_up (
    id text PRIMARY KEY,
    at timestamptz NOT NULL
);
CREATE INDEX given_up_at ON given_up (at);
