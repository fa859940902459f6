-- What the public certification service is still to be told of residents, in order: the register's own number of the
-- person and the kind of change, nothing else of them. A row goes once the service has heard it.
CREATE TABLE certificate_untold (
    place  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person bigint NOT NULL REFERENCES resident,
    event  text NOT NULL,
    change text NOT NULL,
    at     timestamptz NOT NULL
);

-- The report that the core has not answered yet. The next one waits for it: a change under a new resident record code must
-- not be there before the change of the code.
CREATE TABLE change_under_way (
    telegram text PRIMARY KEY
);
