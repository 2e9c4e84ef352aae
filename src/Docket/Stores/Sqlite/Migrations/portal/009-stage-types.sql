-- Stages of several object types may have the same id.
ALTER TABLE stage_use RENAME TO stage_use_of_tickets;

-- The number of active records of a type in each stage; for a type without stages, under an empty one.
CREATE TABLE stage_use (
  object_type TEXT NOT NULL,
  stage TEXT NOT NULL,
  records INTEGER NOT NULL,
  PRIMARY KEY (object_type, stage)
) STRICT, WITHOUT ROWID;

INSERT INTO stage_use (object_type, stage, records) SELECT '0-5', stage, records FROM stage_use_of_tickets;
DROP TABLE stage_use_of_tickets;
