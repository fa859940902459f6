-- C8: the days of a person's link, beginnings of days in Japan, as the core was told and agreed; `listed` for C17.
ALTER TABLE person ADD COLUMN suspended_at timestamptz;
ALTER TABLE person ADD COLUMN resumed_at timestamptz;
ALTER TABLE person ADD COLUMN unlinked_at timestamptz;
-- The code of a link that is over, so that it can be told of; nobody is asked or answered by it.
ALTER TABLE person ADD COLUMN ended_code text;
CREATE INDEX person_unlinked ON person (unlinked_at) WHERE unlinked_at IS NOT NULL AND link_code IS NOT NULL;
ALTER TABLE person ADD COLUMN listed boolean NOT NULL DEFAULT false;

-- C8: what the core was asked to change of people's links, until the next is asked; `outcome` '' where it is done.
CREATE TABLE link_change (
    addressee text PRIMARY KEY,
    telegram  text NOT NULL,
    item      integer NOT NULL,
    change    text NOT NULL,
    on_day    date NOT NULL,
    asked_at  timestamptz NOT NULL,
    outcome   text
);
CREATE INDEX link_change_telegram ON link_change (telegram);

-- C17: the one subscription of this organisation. Events up to number `last` are here; None: none was ever told.
-- `waiting` is the telegram whose answer is not there yet; up to `deleted_to` events were deleted by their period.
CREATE TABLE change_subscription (
    id         integer PRIMARY KEY,
    scope      text NOT NULL,
    last       bigint,
    deleted_to bigint NOT NULL DEFAULT 0,
    waiting    text
);
INSERT INTO change_subscription (id, scope) VALUES (1, 'none');

-- C17: that something changed for a person; without an addressee: events up to this number are lost.
CREATE TABLE change (
    number      bigint PRIMARY KEY,
    addressee   text,
    at          timestamptz NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE INDEX change_received ON change (received_at);
