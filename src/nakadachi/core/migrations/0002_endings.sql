-- How each end said the exchange ended, and when the core asks those who did not say (design 2.8).
ALTER TABLE exchange ADD COLUMN inquirer_ending text;
ALTER TABLE exchange ADD COLUMN provider_ending text;
ALTER TABLE exchange ADD COLUMN ending_reason text;
ALTER TABLE exchange ADD COLUMN due_at timestamptz;
ALTER TABLE exchange ADD COLUMN questioned_at timestamptz;
CREATE INDEX exchange_due ON exchange (due_at) WHERE due_at IS NOT NULL;
