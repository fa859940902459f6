-- What nodes found wrong in others' acts (X1, L6); '' where no exchange or no node is named. A repeat adds nothing.
CREATE TABLE finding (
    reporter text NOT NULL,
    kind     text NOT NULL,
    serial   text NOT NULL,
    about    text NOT NULL,
    day      date NOT NULL,
    at       timestamptz NOT NULL,
    reason   text,
    kept_at  timestamptz NOT NULL,
    PRIMARY KEY (reporter, kind, serial, about, day)
);
CREATE INDEX finding_kept_at ON finding (kept_at);
