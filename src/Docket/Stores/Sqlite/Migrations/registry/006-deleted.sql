-- When a portal was deleted. Its row stays, so that its id is never given to another one.
ALTER TABLE portal ADD COLUMN deleted INTEGER;
