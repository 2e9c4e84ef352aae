-- The association types that a portal has defined apart from object types, also deleted ones: ids are never reused. A row has both
-- directions. Definitions are JSON.
CREATE TABLE association_type (
  portal bigint,
  id int,
  definition text NOT NULL,
  PRIMARY KEY (portal, id)
);
