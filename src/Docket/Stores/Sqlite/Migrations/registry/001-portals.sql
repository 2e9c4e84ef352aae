-- docket.db: the portals of a data directory and the tokens that give access to them. Times are milliseconds since 1970 in UTC.

CREATE TABLE portal (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  created INTEGER NOT NULL
) STRICT;

-- A token is stored as the SHA-256 of its text. It is 128 random bits, so no slower hash is needed.
CREATE TABLE token (
  id INTEGER PRIMARY KEY,
  portal INTEGER NOT NULL REFERENCES portal,
  name TEXT NOT NULL,
  hash BLOB NOT NULL UNIQUE,
  hint TEXT NOT NULL,
  scopes INTEGER NOT NULL,
  created INTEGER NOT NULL,
  revoked INTEGER
) STRICT;
