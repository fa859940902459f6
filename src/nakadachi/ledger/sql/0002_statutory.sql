-- C13, source 003 table 24: the times of request and of provision as far as they are known here, and how the exchange ended.
ALTER TABLE record ADD COLUMN requested_at timestamptz;
ALTER TABLE record ADD COLUMN provided_at timestamptz;
ALTER TABLE record ADD COLUMN ending text;
