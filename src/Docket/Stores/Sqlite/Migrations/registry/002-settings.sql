-- What a portal's operator has set, by the names of Model/PortalSettings.cs; what is not in it has its default.
ALTER TABLE portal ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
