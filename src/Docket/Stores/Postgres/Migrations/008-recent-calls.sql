-- The calls that count toward limits in seconds: how many each process has let in since it started, for an app (-1: searches, of
-- whatever app). Never decreases. Not logged: after a crash, the processes write theirs again.
CREATE UNLOGGED TABLE recent_calls (
  portal bigint,
  app bigint,
  process uuid REFERENCES process ON DELETE CASCADE,
  calls bigint NOT NULL,
  time timestamptz NOT NULL,
  PRIMARY KEY (portal, app, process)
) WITH (fillfactor = 10);
