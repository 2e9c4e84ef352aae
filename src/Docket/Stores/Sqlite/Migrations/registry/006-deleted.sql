-- When a portal was deleted. Its row stays, so that its id is never used again.
ALTER TABLE portal ADD COLUMN deleted INTEGER;
