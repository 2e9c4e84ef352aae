-- The server and the table in which the data were last used: in another one, they were restored (PostgresDatabase.cs).
ALTER TABLE identity ADD COLUMN place text;
