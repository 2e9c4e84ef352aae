-- Leads from a record that was merged away or deleted for good, and so has no row, to its last change. Other changes cost nothing.
CREATE INDEX change_gone ON change (record) WHERE kind IN (6, 7);

-- Changes of records that were deleted for good, from each of which a chain of changes that are still to be emptied begins.
CREATE TABLE erasing (
  sequence INTEGER PRIMARY KEY
) STRICT;
