-- The changes are the truth: the newest change of a record contains the whole record. What follows from the changes (head,
-- unique_value, stage_use) is written from time to time for many changes at once (Folds.cs); until then it is in memory.

-- The values that an update or an archiving kept; content has those that it set. Only the newest change of a record needs both.
ALTER TABLE change ADD COLUMN kept BLOB;

-- The create date and the source of the record, where they are not the time and the source of the change.
ALTER TABLE change ADD COLUMN created INTEGER;
ALTER TABLE change ADD COLUMN origin INTEGER;

-- The newest change of each record. The key contains object type, archived or not, and id (RecordKey.cs).
CREATE TABLE head (
  key INTEGER PRIMARY KEY,
  change INTEGER NOT NULL
) STRICT;

-- The change up to which these tables contain everything, and how often they were written.
CREATE TABLE fold (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  sequence INTEGER NOT NULL,
  steps INTEGER NOT NULL
) STRICT;
INSERT INTO fold (id, sequence, steps) SELECT 1, coalesce(max(sequence), 0), 0 FROM change;

-- The table record is moved into changes when the portal is opened, some rows at a time, and then dropped (RecordTable.cs).
