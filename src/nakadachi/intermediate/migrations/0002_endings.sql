-- Every exchange ends on this side by this side's own clock (design 2.8): our inquiries at `due_at`.
ALTER TABLE inquiry ADD COLUMN due_at timestamptz;
CREATE INDEX inquiry_due ON inquiry (due_at) WHERE state IN ('asked', 'held');

-- How the exchange ended as far as we know: `state` is what we did, `ending` what became of it.
ALTER TABLE asked ADD COLUMN ending text;
