-- The changes of the associations of each record, on both sides, so that they can be read from the newest one back.
CREATE TABLE association_change (
  portal bigint,
  record bigint,
  change bigint,
  PRIMARY KEY (portal, record, change)
);
INSERT INTO association_change SELECT portal, record, change FROM association
  UNION SELECT portal, record, since FROM association_past UNION SELECT portal, record, until FROM association_past;
