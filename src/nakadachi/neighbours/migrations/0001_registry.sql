-- The registry organisation's residents (stand-in, R2): generated people only.
CREATE TABLE resident (
    code    text PRIMARY KEY,
    number  text NOT NULL UNIQUE,
    name    text NOT NULL,
    address text NOT NULL,
    sex     smallint NOT NULL,
    born    date NOT NULL
);
CREATE INDEX resident_items ON resident (name, born);
