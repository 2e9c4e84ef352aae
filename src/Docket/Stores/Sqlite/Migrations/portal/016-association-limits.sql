-- The most records that a record may be associated with by an association type: numbers of types are those of association.
CREATE TABLE association_limit (
  type INTEGER PRIMARY KEY,
  most INTEGER NOT NULL
) STRICT;
