-- What was handled, with its final answer (design 2.8), and what is to be sent (I7, I8).
CREATE TABLE inbox (
    id          text NOT NULL,
    author      text NOT NULL,
    digest      bytea NOT NULL,
    answer      bytea,
    forward_to  text,
    forward_url text,
    handled_at  timestamptz NOT NULL,
    PRIMARY KEY (id, author)
);

CREATE TABLE outbox (
    id          text PRIMARY KEY,
    destination text NOT NULL,
    url         text NOT NULL,
    frame       bytea NOT NULL,
    lane        text NOT NULL,
    attempts    integer NOT NULL,
    due_at      timestamptz NOT NULL
);
CREATE INDEX outbox_due ON outbox (due_at);
