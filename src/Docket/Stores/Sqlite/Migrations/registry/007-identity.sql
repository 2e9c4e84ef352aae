-- The identity of this registry: an id created once, which the files of its portals contain. generation increases with every change
-- of what servers cache: callers, settings and owners.
CREATE TABLE identity (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  file TEXT NOT NULL,
  generation INTEGER NOT NULL
) STRICT;
INSERT INTO identity VALUES (1, lower(hex(randomblob(16))), 0);

-- The identity of the portal's file; NULL until a portal of an earlier version is opened.
ALTER TABLE portal ADD COLUMN file TEXT;
