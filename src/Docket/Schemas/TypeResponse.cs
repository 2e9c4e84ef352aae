using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Docket.Http;
using Docket.Model;

namespace Docket.Schemas;

/// <summary>Which parts of a type an answer contains besides its own definition.</summary>
internal readonly record struct ShownParts(bool Properties, bool Associations, bool Audit);

/// <summary>Writes object types as the schemas API does (reference/properties-pipelines-search-associations.md 8, reference/objects-other-than-tickets.md 7).</summary>
internal static class TypeResponse
{
    static readonly JsonEncodedText CreatedAt = JsonEncodedText.Encode("createdAt"), UpdatedAt = JsonEncodedText.Encode("updatedAt");

    /// <summary>A type with its properties and associations. An archived one has none.</summary>
    public static void WriteSchema(Utf8JsonWriter json, PortalSchema portal, Schema schema, ShownParts parts)
    {
        var (type, definition) = (schema.Type, schema.Type.Definition);
        json.WriteStartObject();
        WriteDisplay(json, type);
        json.WriteBoolean("archived", type.IsArchived);
        json.WriteBoolean("restorable", definition?.Restorable ?? true);
        json.WriteString("metaType", definition is null ? "HUBSPOT" : "PORTAL_SPECIFIC");
        WriteIdentity(json, type);
        if (parts.Audit && definition is not null)
        {
            WriteUser(json, "createdByUserId", definition.CreatedUserId);
            WriteUser(json, "updatedByUserId", definition.UpdatedUserId);
        }

        json.WriteString("objectTypeId", type.Id);
        json.WriteStartArray("properties");
        foreach (var property in parts.Properties && !type.IsArchived ? schema.Properties : [])
        {
            JsonSerializer.Serialize(json, property.Definition, SchemaJson.Default.PropertyDefinition);
        }

        json.WriteEndArray();
        json.WriteStartArray("associations");
        foreach (var association in parts.Associations && !type.IsArchived ? portal.Defined.Where(one => one.Concerns(type.Id)) : [])
        {
            WriteAssociation(json, association);
            WriteAssociation(json, association.Inverse());
        }

        json.WriteEndArray();
        json.WriteBoolean("allowsSensitiveProperties", definition?.AllowsSensitiveProperties ?? true);
        json.WriteString("name", definition?.Name ?? type.LegacyName);
        json.WriteEndObject();
    }

    /// <summary>The answer to a change: the definition alone.</summary>
    public static void WriteDefinition(Utf8JsonWriter json, ObjectType type, long portalId)
    {
        var definition = type.Definition!;
        json.WriteStartObject();
        WriteDisplay(json, type);
        json.WriteBoolean("archived", type.IsArchived);
        json.WriteNumber("portalId", portalId);
        WriteIdentity(json, type);
        json.WriteString("objectTypeId", type.Id);
        json.WriteBoolean("allowsSensitiveProperties", definition.AllowsSensitiveProperties);
        json.WriteString("name", definition.Name);
        json.WriteEndObject();
    }

    /// <summary>One direction of an association. The ones of a new type have no time.</summary>
    public static void WriteAssociation(Utf8JsonWriter json, AssociationDefinition association)
    {
        json.WriteStartObject();
        json.WriteString("fromObjectTypeId", association.FromObjectTypeId);
        json.WriteString("toObjectTypeId", association.ToObjectTypeId);
        json.WriteString("name", association.Name);
        json.WriteString("cardinality", "ONE_TO_MANY");
        json.WriteString("inverseCardinality", "ONE_TO_MANY");
        json.WriteString("id", association.Id.ToString(CultureInfo.InvariantCulture));
        foreach (var name in (ReadOnlySpan<JsonEncodedText>)[CreatedAt, UpdatedAt])
        {
            if (association.CreatedAt is { } time)
            {
                Wire.WriteInstant(json, name, time);
            }
            else
            {
                json.WriteNull(name);
            }
        }

        json.WriteEndObject();
    }

    static void WriteDisplay(Utf8JsonWriter json, ObjectType type)
    {
        var definition = type.Definition;
        var display = type.Display.IsEmpty ? [.. type.Searched.Append(TypeDefinition.RecordId).Take(1)] : type.Display;
        json.WriteStartObject("labels");
        json.WriteString("singular", definition?.Labels.Singular ?? InWords(type.Singular));
        json.WriteString("plural", definition?.Labels.Plural ?? InWords(type.Plural));
        json.WriteEndObject();
        WriteNames(json, "requiredProperties", type.Required);
        WriteNames(json, "searchableProperties", definition?.SearchableProperties ?? type.Searched);
        json.WriteString("primaryDisplayProperty", display[0]);
        WriteNames(json, "secondaryDisplayProperties", display[1..]);
        if (definition?.Description is { } description)
        {
            json.WriteString("description", description);
        }
    }

    static void WriteIdentity(Utf8JsonWriter json, ObjectType type)
    {
        json.WriteString("id", type.Id[2..]); // the number after 0- or 2-
        json.WriteString("fullyQualifiedName", type.Definition?.FullyQualifiedName ?? type.LegacyName);
        if (type.Definition is { } definition)
        {
            Wire.WriteInstant(json, CreatedAt, definition.CreatedAt);
            Wire.WriteInstant(json, UpdatedAt, definition.UpdatedAt);
        }
    }

    static void WriteNames(Utf8JsonWriter json, string member, ImmutableArray<string> names)
    {
        json.WriteStartArray(member);
        foreach (var name in names)
        {
            json.WriteStringValue(name);
        }

        json.WriteEndArray();
    }

    // A number, although ids of users are texts in definitions of properties.
    static void WriteUser(Utf8JsonWriter json, string member, string id)
    {
        if (int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            json.WriteNumber(member, number);
        }
    }

    static string InWords(string name) => $"{char.ToUpperInvariant(name[0])}{name[1..].Replace('_', ' ')}";
}
