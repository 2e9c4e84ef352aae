-- Addresses are compared by lower(email), as on every engine.
DROP INDEX user_email;
CREATE INDEX user_email ON "user" (lower(email));
