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

-- I9, N3: each instance of the own interface system speaks for itself.
ALTER TABLE interface_operation ADD COLUMN instance text NOT NULL DEFAULT '';
ALTER TABLE interface_operation DROP CONSTRAINT interface_operation_pkey;
ALTER TABLE interface_operation ADD PRIMARY KEY (node, instance);
