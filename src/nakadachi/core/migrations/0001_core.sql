-- C3: which organisations hold a link code for a person. The code itself follows from the row and the organisation's key.
CREATE TABLE link (
    id_code      bytea NOT NULL,
    organisation text NOT NULL,
    key_index    integer NOT NULL,
    generation   smallint NOT NULL,
    linked_at    timestamptz NOT NULL,
    unlinked_at  timestamptz,
    suspended_at timestamptz,
    PRIMARY KEY (id_code, organisation)
);

-- Every exchange that asked for a permit, refused ones too. `secrets` (salts and codes) is wrapped under the month's key.
CREATE TABLE exchange (
    serial       text PRIMARY KEY,
    last         text NOT NULL,
    request_id   text NOT NULL,
    content      bytea NOT NULL,
    refused      text,
    ending       text,
    month        text NOT NULL,
    secrets      bytea NOT NULL,
    requested_at timestamptz NOT NULL,
    inquired_at  timestamptz,
    provider_ended_at timestamptz,
    inquirer_ended_at timestamptz
);
CREATE INDEX exchange_request ON exchange (request_id);

-- C18: what each system said of itself last.
CREATE TABLE operation (
    node      text PRIMARY KEY,
    operation text NOT NULL,
    at        timestamptz NOT NULL,
    software  text NOT NULL,
    lawbook   bigint NOT NULL,
    directory bigint NOT NULL
);
