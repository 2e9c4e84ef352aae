-- Records whose new values have not reached all records that show them: those associated ones with keys after the last column are still to follow.
CREATE TABLE unfollowed (
  portal bigint,
  record bigint,
  after bigint NOT NULL,
  PRIMARY KEY (portal, record)
);

-- Whether there are any, so that a transaction knows it from the row that it locks.
ALTER TABLE head ADD COLUMN unfollowed boolean NOT NULL DEFAULT false;
