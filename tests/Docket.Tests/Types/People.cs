using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Tests.Types;

/// <summary>A type like HubSpot's contacts: no stages, its own unique property, another name for the time of the last change.</summary>
internal static class People
{
    public static readonly ObjectType Type = new()
    {
        Id = "0-1",
        Plural = "contacts",
        Singular = "contact",
        LegacyName = "CONTACT",
        ReadAlways = ["createdate", "hs_object_id", "lastmodifieddate"],
        ReadDefault = ["createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"],
        AfterUpdate = ["createdate", "hs_object_id", "lastmodifieddate"],
        AfterCreate = ["createdate", "hs_object_id", "hs_object_source", "lastmodifieddate"],
        AfterMerge = ["createdate", "email", "hs_merged_object_ids", "hs_object_id", "lastmodifieddate"],
        Scopes = new(
            ScopeNeed.Of("crm.schemas.contacts.read", "crm.objects.contacts.read"), ScopeNeed.Of("crm.objects.contacts.write"),
            ScopeNeed.Of("crm.schemas.contacts.read"), ScopeNeed.Of("crm.schemas.contacts.write")),
        Searched = ["firstname", "lastname", "email"],
        Derived = ImmutableDictionary.CreateRange([KeyValuePair.Create("lastmodifieddate", Derivation.LastModifiedDate)]),
        Seed = () => new(
            [
                Text("email") with { HasUniqueValue = true }, Text("firstname"), Text("lastname"), Text("city"),
                Moment("createdate") with { ModificationMetadata = new() }, Moment("lastmodifieddate"), Moment("hs_createdate"),
                Text("hs_object_source") with { ModificationMetadata = ReadOnly }, Text("hs_merged_object_ids") with { ModificationMetadata = ReadOnly },
                Text("hs_object_id") with { Type = "number", FieldType = "number", ModificationMetadata = ReadOnly },
            ],
            Foremost: ["email", "firstname", "lastname"],
            Groups: [new("contactinformation", "Contact information", 0, false)],
            Pipelines: []),
    };

    static ModificationMetadata ReadOnly => new() { ReadOnlyValue = true };

    static PropertyDefinition Text(string name) => new() { Name = name, Label = name, Type = "string", FieldType = "text", GroupName = "contactinformation", HubspotDefined = true };

    static PropertyDefinition Moment(string name) => Text(name) with { Type = "datetime", FieldType = "date", ModificationMetadata = ReadOnly };
}
