-- A batch that is processed after the answer. inputs is how many have been received, done how many have been decided.
CREATE TABLE job (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  status INTEGER NOT NULL,
  open INTEGER NOT NULL, -- its inputs are still arriving
  whole INTEGER NOT NULL, -- all or nothing
  kind INTEGER NOT NULL,
  helps INTEGER NOT NULL, -- what the request asked for by header
  object_type TEXT NOT NULL,
  source_type TEXT NOT NULL,
  source_id TEXT NOT NULL,
  requested INTEGER NOT NULL,
  started INTEGER,
  completed INTEGER,
  inputs INTEGER NOT NULL,
  done INTEGER NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  unchanged INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  refusal BLOB -- the error of a batch that was refused as a whole
) STRICT;

-- Waiting inputs: up to 100, unchanged, one on each line. An empty line is one that was too long. Removed once applied.
CREATE TABLE job_chunk (
  job INTEGER NOT NULL,
  first INTEGER NOT NULL,
  count INTEGER NOT NULL,
  lines BLOB NOT NULL,
  PRIMARY KEY (job, first)
) STRICT;

-- The results of inputs, written in the transaction that applied them: one JSON object on each line.
CREATE TABLE job_outcome (
  job INTEGER NOT NULL,
  first INTEGER NOT NULL,
  count INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  lines BLOB NOT NULL,
  PRIMARY KEY (job, first)
) STRICT;

-- Answers to requests with an Idempotency-Key, written in the transaction of their write.
CREATE TABLE kept_answer (
  source TEXT NOT NULL,
  key TEXT NOT NULL,
  request BLOB NOT NULL, -- hash of method, path and body
  time INTEGER NOT NULL,
  status INTEGER NOT NULL,
  location TEXT,
  body BLOB NOT NULL,
  PRIMARY KEY (source, key)
) STRICT;

CREATE INDEX kept_answer_time ON kept_answer (time);
