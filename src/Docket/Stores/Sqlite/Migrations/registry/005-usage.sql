-- How many calls the private apps of a portal made on a day of its time zone: the latest stored day. It is stored at
-- intervals, so it may be behind after a crash.
CREATE TABLE usage (
  portal INTEGER PRIMARY KEY REFERENCES portal,
  day TEXT NOT NULL,                 -- 2026-03-14
  calls INTEGER NOT NULL
) STRICT;
