-- I7: what its author waits for decides how often it is sent again; after `until` nobody wants it any more.
ALTER TABLE outbox ADD COLUMN wait text NOT NULL DEFAULT 'notice';
ALTER TABLE outbox ADD COLUMN until timestamptz;
