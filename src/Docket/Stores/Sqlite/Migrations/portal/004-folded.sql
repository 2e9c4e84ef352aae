-- The header Docket-Folded of a kept answer.
ALTER TABLE kept_answer ADD COLUMN folded TEXT;
