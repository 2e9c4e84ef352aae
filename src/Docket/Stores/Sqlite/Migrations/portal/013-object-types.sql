-- The object types that the portal has created, also archived and purged ones: numbers are never reused. Definitions are JSON.
CREATE TABLE object_type (
  number INTEGER PRIMARY KEY,        -- as in the keys of records
  definition TEXT NOT NULL
) STRICT;
