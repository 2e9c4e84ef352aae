-- Docket on PostgreSQL: all portals in one schema. Times are milliseconds since 1970 in UTC. What a portal contains is led by its id,
-- so that the tables can be distributed by it; no foreign key leads from there to the tables of the control plane.

-- One row for each portal, locked first by each of its writes: the numbers of changes have no gap and are in the order of commit,
-- whatever process writes (docs/internals/decisions.md, PostgreSQL). A read that finds another schema_version loads the schema again.
CREATE TABLE head (
  portal bigint PRIMARY KEY,
  history text NOT NULL,             -- identifies what sequence numbers refer to
  sequence bigint NOT NULL DEFAULT 0,
  schema_version bigint NOT NULL DEFAULT 1,
  jobs bigint NOT NULL DEFAULT 0     -- the number of the newest job
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 500);

-- What each process wrote last to a portal: tells after a lost connection whether a commit was done.
CREATE TABLE write_mark (
  portal bigint,
  process uuid,
  number bigint NOT NULL,
  time bigint NOT NULL,
  PRIMARY KEY (portal, process)
) WITH (fillfactor = 10);

-- Every committed write, appended in commit order. previous is the same record's change before it; content has the values that
-- changed, each with its own link to the change that set it before (Values.cs). created and origin are the create date and the source
-- of the record where they are not the time and the source of the change.
CREATE TABLE change (
  portal bigint,
  sequence bigint,
  record bigint NOT NULL,
  previous bigint,
  kind smallint NOT NULL,
  time bigint NOT NULL,
  source int NOT NULL,
  created bigint,
  origin int,
  trace bytea,
  content bytea NOT NULL,
  PRIMARY KEY (portal, sequence)
);
-- Values are short, and compressing them costs more than it saves.
ALTER TABLE change ALTER content SET STORAGE EXTERNAL;

-- Finds the last change of a record that was merged away or permanently deleted, and so has no row.
CREATE INDEX change_gone ON change (portal, record) WHERE kind IN (6, 7);

-- Every record after its newest change. The key contains object type, archived or not, and id (RecordKey.cs). Unlike in a file, it is
-- cheaper to replace the row than to find the record in its newest change (docs/internals/decisions.md, PostgreSQL).
CREATE TABLE record (
  portal bigint,
  key bigint,
  change bigint NOT NULL,
  created bigint NOT NULL,
  updated bigint NOT NULL,
  source int NOT NULL,
  content bytea NOT NULL,
  PRIMARY KEY (portal, key)
) WITH (fillfactor = 85);
ALTER TABLE record ALTER content SET STORAGE EXTERNAL;

-- The record that has a unique value. Active records only: an archived record blocks no other.
CREATE TABLE unique_value (
  portal bigint,
  property int,
  value bytea,
  record bigint NOT NULL,
  PRIMARY KEY (portal, property, value)
);

-- The number of active records of a type in each stage; for a type without stages, under an empty one.
CREATE TABLE stage_use (
  portal bigint,
  object_type text,
  stage text,
  records bigint NOT NULL,
  PRIMARY KEY (portal, object_type, stage)
) WITH (fillfactor = 10);

-- The sources of writes; every change refers to one.
CREATE TABLE source (
  portal bigint,
  number int,
  type text NOT NULL,
  id text NOT NULL,
  PRIMARY KEY (portal, number)
);

-- The record that replaced a merged one: one step, however often that record was merged again. change is the merged record's
-- last one, which has its values. Keys are those of active records. No index is led by the portal: with two of them, the planner
-- takes the wrong one, and reads all of a portal, as long as it has no statistics of it.
CREATE TABLE forward (
  portal bigint,
  record bigint,
  survivor bigint NOT NULL,
  change bigint NOT NULL,
  PRIMARY KEY (record, portal)
);
CREATE INDEX forward_survivor ON forward (survivor, portal);

-- Changes of permanently deleted records at which chains of changes begin that still have to be emptied.
CREATE TABLE erasing (
  portal bigint,
  sequence bigint,
  PRIMARY KEY (portal, sequence)
);

-- Definitions as the Properties API shows them. Stored values refer to the property by its number.
CREATE TABLE property (
  portal bigint,
  number int,
  object_type text NOT NULL,
  name text NOT NULL,
  archived boolean NOT NULL,
  definition text NOT NULL,
  PRIMARY KEY (portal, number),
  UNIQUE (portal, object_type, name)
);

CREATE TABLE property_group (
  portal bigint,
  object_type text,
  name text,
  position int NOT NULL,
  definition text NOT NULL,
  PRIMARY KEY (portal, object_type, name)
);

CREATE TABLE pipeline (
  portal bigint,
  object_type text,
  id text,
  position int NOT NULL,
  definition text NOT NULL,
  PRIMARY KEY (portal, object_type, id)
);

-- Every change of a pipeline or stage, in order.
CREATE TABLE pipeline_audit (
  portal bigint,
  object_type text,
  position int,
  entry text NOT NULL,
  PRIMARY KEY (portal, object_type, position)
);

-- A batch that is processed after the answer. inputs is how many have been received, done how many have been decided. One process
-- at a time works on it.
CREATE TABLE job (
  portal bigint,
  number bigint,
  status int NOT NULL,
  open boolean NOT NULL,             -- its inputs are still arriving
  whole boolean NOT NULL,            -- all or nothing
  kind int NOT NULL,
  helps int NOT NULL,                -- what the request asked for by header
  object_type text NOT NULL,
  source_type text NOT NULL,
  source_id text NOT NULL,
  requested bigint NOT NULL,
  started bigint,
  completed bigint,
  inputs bigint NOT NULL DEFAULT 0,
  done bigint NOT NULL DEFAULT 0,
  created bigint NOT NULL DEFAULT 0,
  updated bigint NOT NULL DEFAULT 0,
  unchanged bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  refusal bytea,                     -- the error of a batch that was refused as a whole
  process uuid,                      -- which works on it, or receives its inputs: see process
  PRIMARY KEY (portal, number)
);
CREATE INDEX job_rest ON job (portal) WHERE status <> 3;
CREATE INDEX job_completed ON job (portal, completed);

-- Waiting inputs, unchanged, one on each line. An empty line is one that was too long. With numbered, each line begins with its
-- number in the file and a space. Removed once applied.
CREATE TABLE job_chunk (
  portal bigint,
  job bigint,
  first bigint,
  count bigint NOT NULL,
  numbered boolean NOT NULL,
  lines bytea NOT NULL,
  PRIMARY KEY (portal, job, first)
);

-- The results of inputs, written in the transaction that applied them: one JSON object on each line, compressed. failures holds the
-- rows that failed, one byte for each, counted from the first. rejected are the inputs that failed, unchanged. names and rows are
-- what the results name (Names.cs).
CREATE TABLE job_outcome (
  portal bigint,
  job bigint,
  first bigint,
  count bigint NOT NULL,
  failed bigint NOT NULL,
  failures bytea NOT NULL,
  lines bytea NOT NULL,
  rejected bytea,
  names bigint[],
  rows int[],
  PRIMARY KEY (portal, job, first)
);

-- Answers to requests with an Idempotency-Key, written in the transaction of their write. status is NULL while a process works on
-- the request, which nobody else may do as long as the process is alive.
CREATE TABLE kept_answer (
  portal bigint,
  source text,
  key text,
  request bytea,                     -- hash of method, path and body
  time bigint NOT NULL,
  status int,
  location text,
  folded text,
  body bytea,
  names bigint[],
  process uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000', -- by default that of an answer that was moved here
  PRIMARY KEY (portal, source, key)
);
CREATE INDEX kept_answer_time ON kept_answer (portal, time);

-- The control plane: which portals there are, and who may do what (Stores/Control). Names of scopes are separated by spaces. Secrets
-- and tokens are stored as the SHA-256 of their text: they are 122 random bits and more, so no slower hash is needed.

-- generation increases with every change of what servers cache: callers, settings and owners.
CREATE TABLE identity (
  id int PRIMARY KEY CHECK (id = 1),
  file text NOT NULL,
  generation bigint NOT NULL
);
INSERT INTO identity VALUES (1, replace(gen_random_uuid()::text, '-', ''), 0);

-- The processes, each as long as it is alive: until is a little in the future, and renewed. What a dead process had taken (jobs,
-- idempotency keys) is free for others. portals are those in which it may have jobs.
CREATE TABLE process (
  id uuid PRIMARY KEY,
  until timestamptz NOT NULL,
  portals bigint[] NOT NULL
);

CREATE TABLE portal (
  id bigint PRIMARY KEY,
  name text NOT NULL,
  created bigint NOT NULL,
  settings text NOT NULL DEFAULT '{}',
  deleted bigint,
  erased bigint                      -- when the last row of a deleted portal was removed
);

CREATE TABLE app (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, -- what history puts the app's writes down to
  portal bigint NOT NULL REFERENCES portal,
  name text NOT NULL,
  scopes text NOT NULL,
  client_id text UNIQUE,             -- of OAuth apps only
  client_secret bytea,
  redirect_uris text,                -- JSON
  optional_scopes text,
  created bigint NOT NULL,
  deleted bigint
);

CREATE TABLE app_token (
  hash bytea PRIMARY KEY,
  app bigint NOT NULL REFERENCES app,
  expires bigint                     -- of a token that was replaced; NULL for the one that works
);
CREATE INDEX app_token_app ON app_token (app);

CREATE TABLE "user" (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, -- also the owner's id
  portal bigint NOT NULL REFERENCES portal,
  email text NOT NULL,
  first_name text NOT NULL,
  last_name text NOT NULL,
  password text,                     -- as the framework's hasher makes it; NULL for one who can't sign in
  created bigint NOT NULL,
  updated bigint NOT NULL,
  archived int NOT NULL DEFAULT 0
);
-- Addresses are compared without regard to upper and lower case.
CREATE UNIQUE INDEX user_portal_email ON "user" (portal, lower(email));
CREATE INDEX user_email ON "user" (lower(email));

-- A browser's session: the users who signed in, at most one for each portal.
CREATE TABLE session (
  hash bytea NOT NULL,
  "user" bigint NOT NULL REFERENCES "user",
  expires bigint NOT NULL,
  PRIMARY KEY (hash, "user")
);
CREATE INDEX session_user_of ON session ("user");

-- Recent sign-in attempts for an address, whether it is a user's or not.
CREATE TABLE sign_in_attempt (
  email bytea PRIMARY KEY,           -- hash of the address
  since bigint NOT NULL,             -- of the first of them
  attempts int NOT NULL
);

-- What a user allows an app, from the consent to its end: the code and the refresh token are two keys to the same grant.
CREATE TABLE oauth_grant (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  app bigint NOT NULL REFERENCES app,
  portal bigint NOT NULL REFERENCES portal,
  "user" bigint NOT NULL REFERENCES "user",
  scopes text NOT NULL,
  redirect_uri text NOT NULL,
  challenge text,                    -- of PKCE, when the app sent one
  code bytea NOT NULL UNIQUE,        -- stays, so that a second use is noticed
  code_expires bigint NOT NULL,
  exchanged int NOT NULL DEFAULT 0,
  refresh bytea UNIQUE               -- NULL before the exchange and after the revocation
);
CREATE INDEX oauth_grant_app ON oauth_grant (app, portal);
CREATE INDEX oauth_grant_over ON oauth_grant (code_expires) WHERE refresh IS NULL;

CREATE TABLE oauth_access (
  hash bytea PRIMARY KEY,
  grant_id bigint NOT NULL REFERENCES oauth_grant,
  expires bigint NOT NULL
);
CREATE INDEX oauth_access_grant ON oauth_access (grant_id);
CREATE INDEX oauth_access_expires ON oauth_access (expires);

-- How many calls the private apps of a portal made on a day of its time zone: the latest stored day. Each process adds what it
-- counted at intervals, so it may be behind.
CREATE TABLE usage (
  portal bigint PRIMARY KEY REFERENCES portal,
  day text NOT NULL,                 -- 2026-03-14
  calls bigint NOT NULL
);
