-- A portal's file. Times are milliseconds since 1970 in UTC.

-- The sources of writes; every change refers to one.
CREATE TABLE source (
  number INTEGER PRIMARY KEY,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  UNIQUE (type, id)
) STRICT;

-- The key holds object type, archived or not, and id (RecordKey.cs), so each list is one range of it.
CREATE TABLE record (
  key INTEGER PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  archived INTEGER,
  source INTEGER NOT NULL,
  first_change INTEGER NOT NULL,
  last_change INTEGER NOT NULL,
  content BLOB NOT NULL
) STRICT;

-- The record that has a unique value. Active records only: an archived record blocks no other.
CREATE TABLE unique_value (
  property INTEGER NOT NULL,
  value BLOB NOT NULL,
  record INTEGER NOT NULL,
  PRIMARY KEY (property, value)
) STRICT, WITHOUT ROWID;

-- Every committed write, appended in commit order. previous is the same record's change before it; content has the
-- values that changed, each with its own link to the change that set it before (Values.cs).
CREATE TABLE change (
  sequence INTEGER PRIMARY KEY,
  record INTEGER NOT NULL,
  previous INTEGER,
  kind INTEGER NOT NULL,
  time INTEGER NOT NULL,
  source INTEGER NOT NULL,
  trace BLOB,
  content BLOB NOT NULL
) STRICT;

-- The number of active records in each stage, which shows whether a stage is in use.
CREATE TABLE stage_use (
  stage TEXT PRIMARY KEY,
  records INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Definitions as the Properties API shows them. Stored values refer to the property by its number.
CREATE TABLE property (
  number INTEGER PRIMARY KEY,
  object_type TEXT NOT NULL,
  name TEXT NOT NULL,
  archived INTEGER NOT NULL,
  definition TEXT NOT NULL,
  UNIQUE (object_type, name)
) STRICT;

CREATE TABLE property_group (
  object_type TEXT NOT NULL,
  name TEXT NOT NULL,
  position INTEGER NOT NULL,
  definition TEXT NOT NULL,
  PRIMARY KEY (object_type, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE pipeline (
  object_type TEXT NOT NULL,
  id TEXT NOT NULL,
  position INTEGER NOT NULL,
  definition TEXT NOT NULL,
  PRIMARY KEY (object_type, id)
) STRICT, WITHOUT ROWID;

-- Every change of a pipeline or stage, in order.
CREATE TABLE pipeline_audit (
  object_type TEXT NOT NULL,
  position INTEGER NOT NULL,
  entry TEXT NOT NULL,
  PRIMARY KEY (object_type, position)
) STRICT, WITHOUT ROWID;
