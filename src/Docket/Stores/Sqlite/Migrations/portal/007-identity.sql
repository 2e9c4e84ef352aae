-- The identity of this file: its own id, created once, and the portal and registry that it belongs to. A file that is new, or from
-- an earlier version, belongs to none yet.
CREATE TABLE identity (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  file TEXT NOT NULL,
  portal INTEGER,
  registry TEXT
) STRICT;
INSERT INTO identity (id, file) VALUES (1, lower(hex(randomblob(16))));
