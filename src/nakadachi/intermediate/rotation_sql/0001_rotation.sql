-- C6: codes that were replaced. Whoever is asked about by one is found for a while: permits that name it may be on
-- their way.
CREATE TABLE former_code (
    link_code   text PRIMARY KEY,
    addressee   text NOT NULL,
    replaced_at timestamptz NOT NULL
);
CREATE INDEX former_code_replaced ON former_code (replaced_at);
CREATE INDEX former_code_addressee ON former_code (addressee);
