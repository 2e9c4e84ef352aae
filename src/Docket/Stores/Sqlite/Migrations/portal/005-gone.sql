-- Finds the last change of a record that was merged away or permanently deleted, and so has no row. Other changes have no entry.
CREATE INDEX change_gone ON change (record) WHERE kind IN (6, 7);

-- Changes of permanently deleted records at which chains of changes begin that still have to be emptied.
CREATE TABLE erasing (
  sequence INTEGER PRIMARY KEY
) STRICT;
