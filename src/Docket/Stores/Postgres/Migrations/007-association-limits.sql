-- The most records that a record may be associated with by an association type: numbers of types are those of association.
CREATE TABLE association_limit (
  portal bigint,
  type int,
  most int NOT NULL,
  PRIMARY KEY (portal, type)
);
