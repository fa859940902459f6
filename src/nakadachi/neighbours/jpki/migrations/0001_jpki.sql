-- Generations of the authorities' keys. The keys themselves are in the key store.
CREATE TABLE authority (
    kind text NOT NULL,
    generation integer NOT NULL,
    key_id bytea NOT NULL UNIQUE,
    certificate bytea NOT NULL,
    PRIMARY KEY (kind, generation)
);

-- One partition of revocation lists for each municipality, by the names that certificates carry. `number` is that of the
-- last list of it, whichever key signed it.
CREATE TABLE partition (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    place text NOT NULL,
    prefecture text NOT NULL,
    city text NOT NULL,
    number bigint NOT NULL DEFAULT 0,
    UNIQUE (kind, place, prefecture, city)
);

-- Every certificate, with its state. `holder` is the opaque reference by which the register and the card issuer name a
-- person here; `follows` is the serial number of the certificate of the same kind that the same holder had before.
CREATE TABLE certificate (
    kind text NOT NULL,
    serial text NOT NULL,
    key_id bytea NOT NULL,
    partition bigint NOT NULL,
    holder text NOT NULL,
    holder_key bytea NOT NULL,
    request text NOT NULL,
    digest bytea NOT NULL,
    issued_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    state text NOT NULL,
    since timestamptz NOT NULL,
    reason text,
    follows text,
    der bytea NOT NULL,
    PRIMARY KEY (kind, serial),
    UNIQUE (kind, request),
    UNIQUE (holder_key)
);
CREATE UNIQUE INDEX certificate_in_use ON certificate (kind, holder) WHERE state IN ('good', 'held');
CREATE INDEX certificate_holder ON certificate (holder);
CREATE INDEX certificate_follows ON certificate (kind, follows) WHERE follows IS NOT NULL;
CREATE INDEX certificate_revoked ON certificate (partition, key_id) WHERE state IN ('held', 'revoked');
CREATE INDEX certificate_partition ON certificate (partition, key_id);

-- The newest list of each partition and key.
CREATE TABLE list (
    name text PRIMARY KEY,
    partition bigint NOT NULL,
    key_id bytea NOT NULL,
    number bigint NOT NULL,
    issued_at timestamptz NOT NULL,
    next_update timestamptz NOT NULL,
    der bytea NOT NULL
);

-- Events of the register that were heard, so that one that comes twice is one; and who has died.
CREATE TABLE heard (
    event text PRIMARY KEY,
    holder text NOT NULL,
    change text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX heard_holder ON heard (holder, change);
