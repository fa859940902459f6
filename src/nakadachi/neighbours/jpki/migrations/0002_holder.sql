-- A holder's row is held while anything of theirs is decided, so that a certificate is not issued beside the event that
-- would have ended it.
CREATE TABLE holder (
    holder text PRIMARY KEY
);
INSERT INTO holder (holder) SELECT DISTINCT holder FROM certificate ON CONFLICT DO NOTHING;
