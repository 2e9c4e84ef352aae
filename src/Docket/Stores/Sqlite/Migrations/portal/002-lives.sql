-- Records that were merged into others, and records that are gone for good. Keys are those of active records.

-- Where the id of a record that was merged away leads: one step, however often the survivor was merged again. change is
-- the record's own last one, which holds its values.
CREATE TABLE forward (
  record INTEGER PRIMARY KEY,
  survivor INTEGER NOT NULL,
  change INTEGER NOT NULL
) STRICT;

CREATE INDEX forward_survivor ON forward (survivor);

-- A row for each record that was deleted for good since pages of this file that may hold its values were last overwritten.
CREATE TABLE cleaning (
  since INTEGER NOT NULL
) STRICT;
