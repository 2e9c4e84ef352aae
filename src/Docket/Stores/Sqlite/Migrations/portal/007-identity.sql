-- Whose file this is: an id of its own, made once, and the portal and the registry it belongs to. A file that was just made, or
-- that comes from an earlier version, belongs to nobody yet.
CREATE TABLE identity (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  file TEXT NOT NULL,
  portal INTEGER,
  registry TEXT
) STRICT;
INSERT INTO identity (id, file) VALUES (1, lower(hex(randomblob(16))));
