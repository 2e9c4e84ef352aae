-- The properties of a stage whose id is not a number have names without the characters that a name can't have (StageProperties.cs).
-- Stored values refer to the properties by number, so they stay.
UPDATE property
SET name = stage_property_name(name), definition = json_set(definition, '$.name', stage_property_name(name))
WHERE json_extract(definition, '$.hubspotDefined') AND stage_property_name(name) <> name;
