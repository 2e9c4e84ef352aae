-- The properties of a stage whose id is no number have names without the signs that a name can't have (StageProperties.cs).
-- What is stored of them goes by their numbers, which stay.
UPDATE property
SET name = stage_property_name(name), definition = json_set(definition, '$.name', stage_property_name(name))
WHERE json_extract(definition, '$.hubspotDefined') AND stage_property_name(name) <> name;
