-- Who runs this system right now, where it runs as several instances (N3): a lease per process, in the database's time.
CREATE TABLE instance (
    holder text PRIMARY KEY,
    name   text NOT NULL,
    until  timestamptz NOT NULL
);
