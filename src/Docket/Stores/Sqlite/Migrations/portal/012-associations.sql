-- What each record is associated with: two rows for each association, one for each side. record and other are keys of active records
-- (RecordKey.cs), whether the records are archived or not; type is the association type as seen from record; change is the one that
-- made it.
CREATE TABLE association (
  record INTEGER NOT NULL,
  type INTEGER NOT NULL,
  other INTEGER NOT NULL,
  change INTEGER NOT NULL,
  PRIMARY KEY (record, type, other)
) STRICT, WITHOUT ROWID;

-- Associations that ended, for the past: made by the change since, ended by the change until.
CREATE TABLE association_past (
  record INTEGER NOT NULL,
  type INTEGER NOT NULL,
  other INTEGER NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (record, type, other, since)
) STRICT, WITHOUT ROWID;
