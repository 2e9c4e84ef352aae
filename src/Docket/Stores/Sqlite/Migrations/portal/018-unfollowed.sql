-- Records whose new values have not reached all records that show them: those associated ones with keys after the second column are still to follow.
CREATE TABLE unfollowed (
  record INTEGER PRIMARY KEY,
  after INTEGER NOT NULL
) STRICT;
