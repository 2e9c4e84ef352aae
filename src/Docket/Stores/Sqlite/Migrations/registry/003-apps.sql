-- Apps and users.

-- Names of scopes are separated by spaces. Secrets are stored as the SHA-256 of their text: they are 122 random bits and more, so no
-- slower hash is needed.
CREATE TABLE app (
  id INTEGER PRIMARY KEY,            -- what history puts the app's writes down to
  portal INTEGER NOT NULL REFERENCES portal,
  name TEXT NOT NULL,
  scopes TEXT NOT NULL,
  client_id TEXT UNIQUE,             -- of OAuth apps only
  client_secret BLOB,
  redirect_uris TEXT,                -- JSON
  optional_scopes TEXT,
  created INTEGER NOT NULL,
  deleted INTEGER
) STRICT;

-- Until now a token was what is an app now: with a name, scopes, and the id shown in histories.
INSERT INTO app (id, portal, name, scopes, created, deleted)
SELECT id, portal, name, CASE scopes WHEN 15 THEN 'tickets crm.objects.owners.read docket.manage' ELSE trim(
    iif(scopes & 1, 'crm.objects.tickets.read ', '') || iif(scopes & 2, 'crm.objects.tickets.write ', '')
    || iif(scopes & 4, 'crm.schemas.tickets.read ', '') || iif(scopes & 8, 'crm.schemas.tickets.write', '')) END, created, revoked
FROM token;

CREATE TABLE app_token (
  hash BLOB PRIMARY KEY,
  app INTEGER NOT NULL REFERENCES app,
  expires INTEGER                    -- of a token that was replaced; NULL for the one that works
) STRICT, WITHOUT ROWID;

INSERT INTO app_token (hash, app) SELECT hash, id FROM token WHERE revoked IS NULL;
CREATE INDEX app_token_app ON app_token (app);
DROP TABLE token;

CREATE TABLE user (
  id INTEGER PRIMARY KEY,            -- also the owner's id
  portal INTEGER NOT NULL REFERENCES portal,
  email TEXT NOT NULL COLLATE NOCASE,
  first_name TEXT NOT NULL,
  last_name TEXT NOT NULL,
  password TEXT,                     -- as the framework's hasher makes it; NULL for one who can't sign in
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  archived INTEGER NOT NULL DEFAULT 0,
  UNIQUE (portal, email)
) STRICT;
CREATE INDEX user_email ON user (email);
