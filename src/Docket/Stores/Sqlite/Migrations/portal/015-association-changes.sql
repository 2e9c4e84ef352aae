-- The changes of the associations of each record, on both sides, so that they can be read from the newest one back.
CREATE TABLE association_change (
  record INTEGER NOT NULL,
  change INTEGER NOT NULL,
  PRIMARY KEY (record, change)
) STRICT, WITHOUT ROWID;
INSERT INTO association_change SELECT record, change FROM association
  UNION SELECT record, since FROM association_past UNION SELECT record, until FROM association_past;
