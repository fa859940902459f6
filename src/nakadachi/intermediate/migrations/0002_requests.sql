-- N3: a request of an existing system that comes again, perhaps to another instance, begins no second inquiry.
CREATE TABLE request_line (
    system  text NOT NULL,
    request text NOT NULL,
    line    integer NOT NULL,
    digest  bytea NOT NULL,
    serial  text NOT NULL,
    at      timestamptz NOT NULL,
    PRIMARY KEY (system, request, line)
);
