-- The settings of a portal, by the names in Model/PortalSettings.cs; missing ones have their defaults.
ALTER TABLE portal ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
