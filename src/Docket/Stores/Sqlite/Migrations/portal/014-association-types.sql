-- The association types that the portal has defined apart from object types, also deleted ones: ids are never reused. A row has both
-- directions. Definitions are JSON.
CREATE TABLE association_type (
  id INTEGER PRIMARY KEY,
  definition TEXT NOT NULL
) STRICT;
