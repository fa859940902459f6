-- A3: the newest size and root cosigned per origin; never goes back.
CREATE TABLE witnessed (
    origin text PRIMARY KEY,
    size   bigint NOT NULL,
    root   bytea NOT NULL,
    at     timestamptz NOT NULL
);

-- What interface systems refused before it reached the core (C13).
CREATE TABLE refused_inquiry (
    serial     text PRIMARY KEY,
    inquirer   text NOT NULL,
    provider   text NOT NULL,
    affair     text NOT NULL,
    reason     text NOT NULL,
    staff      text NOT NULL,
    refused_at timestamptz NOT NULL
);
