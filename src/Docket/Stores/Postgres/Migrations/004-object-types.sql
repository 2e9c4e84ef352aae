-- The object types that a portal has created, also archived and purged ones: numbers are never reused. Definitions are JSON.
CREATE TABLE object_type (
  portal bigint,
  number int,                        -- as in the keys of records
  definition text NOT NULL,
  PRIMARY KEY (portal, number)
);
