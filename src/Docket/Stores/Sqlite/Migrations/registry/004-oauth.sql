-- Users allow apps. Cookies, codes and tokens are stored as the SHA-256 of their text, like other secrets.

-- A browser's session: the users who signed in, at most one for each portal.
CREATE TABLE session (
  hash BLOB NOT NULL,
  user INTEGER NOT NULL REFERENCES user,
  expires INTEGER NOT NULL,
  PRIMARY KEY (hash, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_user ON session (user);

-- Recent sign-in attempts for an address, whether it is a user's or not.
CREATE TABLE sign_in_attempt (
  email BLOB PRIMARY KEY,            -- hash of the address
  since INTEGER NOT NULL,            -- of the first of them
  attempts INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a user allows an app, from the consent to its end: the code and the refresh token are two keys to the same grant.
CREATE TABLE oauth_grant (
  id INTEGER PRIMARY KEY,
  app INTEGER NOT NULL REFERENCES app,
  portal INTEGER NOT NULL REFERENCES portal,
  user INTEGER NOT NULL REFERENCES user,
  scopes TEXT NOT NULL,
  redirect_uri TEXT NOT NULL,
  challenge TEXT,                    -- of PKCE, when the app sent one
  code BLOB NOT NULL UNIQUE,         -- stays, so that a second use is noticed
  code_expires INTEGER NOT NULL,
  exchanged INTEGER NOT NULL DEFAULT 0,
  refresh BLOB UNIQUE                -- NULL before the exchange and after the revocation
) STRICT;
CREATE INDEX oauth_grant_app ON oauth_grant (app, portal);
CREATE INDEX oauth_grant_over ON oauth_grant (code_expires) WHERE refresh IS NULL;

CREATE TABLE oauth_access (
  hash BLOB PRIMARY KEY,
  grant_id INTEGER NOT NULL REFERENCES oauth_grant,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth_access_grant ON oauth_access (grant_id);
CREATE INDEX oauth_access_expires ON oauth_access (expires);
