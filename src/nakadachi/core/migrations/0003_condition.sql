-- C18: how each system fared by its last word (JSON as it came), and when that word came by our own clock.
ALTER TABLE operation ADD COLUMN condition text;
ALTER TABLE operation ADD COLUMN received_at timestamptz;
UPDATE operation SET received_at = at;
ALTER TABLE operation ALTER COLUMN received_at SET NOT NULL;
