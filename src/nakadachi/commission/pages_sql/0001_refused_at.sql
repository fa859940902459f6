-- The pages list the newest refusals first.
CREATE INDEX refused_inquiry_at ON refused_inquiry (refused_at, serial);
