-- What a stored answer names, so that a permanent deletion finds it by an index (NameColumn.cs). NULL if it names nothing. Answers
-- of earlier versions are read once (OlderAnswers.cs).
ALTER TABLE kept_answer ADD COLUMN names BLOB;
UPDATE kept_answer SET names = names_in_answer(body);
CREATE INDEX kept_answer_names ON kept_answer (names) WHERE names IS NOT NULL;

-- failures holds the rows that failed, one byte for each, counted from the first. In names, the error of a job that was refused as
-- a whole is the row after the last.
ALTER TABLE job_outcome ADD COLUMN failures BLOB NOT NULL DEFAULT x'';
ALTER TABLE job_outcome ADD COLUMN names BLOB;
UPDATE job_outcome SET failures = failures_in_outcome(lines),
  names = names_in_outcome(lines, (SELECT refusal FROM job WHERE number = job_outcome.job));
CREATE INDEX job_outcome_names ON job_outcome (names) WHERE names IS NOT NULL;
