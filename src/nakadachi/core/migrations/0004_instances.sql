-- C18, N3: each instance of a system speaks for itself.
ALTER TABLE operation ADD COLUMN instance text NOT NULL DEFAULT '';
ALTER TABLE operation DROP CONSTRAINT operation_pkey;
ALTER TABLE operation ADD PRIMARY KEY (node, instance);
