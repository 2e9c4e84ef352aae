-- Records that were merged into others, and records that were permanently deleted. Keys are those of active records.

-- The record that replaced a merged one: one step, however often that record was merged again. change is the merged record's
-- last one, which has its values.
CREATE TABLE forward (
  record INTEGER PRIMARY KEY,
  survivor INTEGER NOT NULL,
  change INTEGER NOT NULL
) STRICT;

CREATE INDEX forward_survivor ON forward (survivor);

-- A row for each record that was permanently deleted since the file was last rewritten: pages may still contain its values.
CREATE TABLE cleaning (
  since INTEGER NOT NULL
) STRICT;
