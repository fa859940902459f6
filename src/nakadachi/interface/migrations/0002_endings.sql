-- I2: a pair is held until its exchange ends; `answer_by` is also when it ends by this side's own clock. `closed` is why
-- it ended without an answer, so that whatever comes later is refused with that reason.
ALTER TABLE exchange ADD COLUMN closed text;
CREATE INDEX exchange_due ON exchange (answer_by) WHERE NOT ended;
