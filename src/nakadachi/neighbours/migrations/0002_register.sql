-- The register keeps what it knew (R2): residents as they are written, their events, every number and code ever given.
ALTER TABLE resident DROP CONSTRAINT resident_pkey;
ALTER TABLE resident DROP CONSTRAINT resident_number_key;
DROP INDEX resident_items;
ALTER TABLE resident ALTER COLUMN born TYPE text USING to_char(born, 'YYYY-MM-DD');
ALTER TABLE resident
    ADD COLUMN person bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ADD COLUMN kana text NOT NULL DEFAULT '',
    ADD COLUMN name_key text NOT NULL DEFAULT '',
    ADD COLUMN address_key text NOT NULL DEFAULT '',
    -- By which notation the keys were made; below that of the program, they are made anew at its start.
    ADD COLUMN form smallint NOT NULL DEFAULT 0,
    ADD COLUMN died date,
    ADD COLUMN left_on date;
CREATE UNIQUE INDEX resident_code ON resident (code);
CREATE UNIQUE INDEX resident_number ON resident (number) WHERE number <> '';
CREATE INDEX resident_items ON resident (name_key, born);

-- Every resident record code ever given; the last of a person is the one on their row.
CREATE TABLE code_given (
    code   text PRIMARY KEY,
    person bigint NOT NULL REFERENCES resident,
    since  date
);
-- Every Individual Number ever given (Act art. 8: none is given twice); exactly one of a person is valid.
CREATE TABLE number_given (
    number text PRIMARY KEY,
    person bigint NOT NULL REFERENCES resident,
    since  date,
    until  date
);
CREATE UNIQUE INDEX number_valid ON number_given (person) WHERE until IS NULL;
INSERT INTO code_given (code, person) SELECT code, person FROM resident;
INSERT INTO number_given (number, person) SELECT number, person FROM resident WHERE number <> '';

-- The running index behind the numbers: never steps back, also not where a transaction fails.
CREATE SEQUENCE number_index MINVALUE 0 START 0;

-- Events by the number that whoever reports them gave; one reported twice has its effect once.
CREATE TABLE event (
    event   text PRIMARY KEY,
    person  bigint REFERENCES resident,
    kind    text NOT NULL,
    at      date NOT NULL,
    kept_at timestamptz NOT NULL,
    digest  bytea NOT NULL,
    -- What stood before, as JSON: kept, since a history that can be undone must know it.
    before  text NOT NULL
);
CREATE INDEX event_person ON event (person, at);

-- Events of a day to come, as they were reported, until that day.
CREATE TABLE event_ahead (
    event text PRIMARY KEY,
    at    date NOT NULL,
    digest bytea NOT NULL,
    line  text NOT NULL,
    -- Why it had no effect when its day came; it stays until somebody looks at it.
    refused text
);
CREATE INDEX event_ahead_at ON event_ahead (at);

-- What the core is still to be told, in order; it is told a thousand at a time.
CREATE TABLE change_untold (
    place    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code     text NOT NULL,
    new_code text NOT NULL DEFAULT '',
    kind     text NOT NULL
);
