-- What each record is associated with: two rows for each association, one for each side. record and other are keys of active records
-- (RecordKey.cs), whether the records are archived or not; type is the association type as seen from record; change is the one that
-- made it.
CREATE TABLE association (
  portal bigint,
  record bigint,
  type int,
  other bigint,
  change bigint NOT NULL,
  PRIMARY KEY (portal, record, type, other)
);

-- Associations that ended, for the past: made by the change since, ended by the change until.
CREATE TABLE association_past (
  portal bigint,
  record bigint,
  type int,
  other bigint,
  since bigint,
  until bigint NOT NULL,
  PRIMARY KEY (portal, record, type, other, since)
);
