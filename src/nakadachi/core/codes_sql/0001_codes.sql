-- C5: by which scheme this network makes its link codes: written once, at its founding, and held against the
-- configuration at every start. A core that linked people before there was a choice made them by reversible encryption.
CREATE TABLE code_scheme (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    scheme text NOT NULL
);
INSERT INTO code_scheme (scheme) SELECT 'reversible' WHERE EXISTS (SELECT FROM link);

-- C5, 案3: the conversion table, empty in a network of the reversible scheme. It stands here in both directions, each a
-- table of its own with one key: a distributed or partitioned table can hold unique only what contains the column it is
-- divided by. What is read by the code is divided by the code, what is found by the person is divided by the person.
CREATE TABLE code_table (
    code         bytea PRIMARY KEY,
    id_code      bytea NOT NULL,
    organisation text NOT NULL,
    key_index    integer NOT NULL,
    generation   smallint NOT NULL
);
CREATE TABLE code_of_person (
    id_code      bytea NOT NULL,
    organisation text NOT NULL,
    key_index    integer NOT NULL,
    generation   smallint NOT NULL,
    code         bytea NOT NULL,
    PRIMARY KEY (id_code, organisation, key_index, generation)
);
