-- Each line of a chunk of NDJSON begins with its number in the file and a space.
ALTER TABLE job_chunk ADD COLUMN numbered INTEGER NOT NULL DEFAULT 0;

-- The inputs of a step that were rejected, unchanged, so that they can be corrected and sent again.
ALTER TABLE job_outcome ADD COLUMN rejected BLOB;
