using Docket.Model;
using TicketType = Docket.Model.Types.Tickets;

namespace Docket.Tests;

/// <summary>Schemas for tests of rules: the default one, with a few custom properties.</summary>
internal static class Schemata
{
    public static readonly Schema Tickets = With(
        Custom("ext_a") with { HasUniqueValue = true },
        Custom("ext_b") with { HasUniqueValue = true },
        Custom("amount", "number", "number"),
        Custom("due", "date", "date"),
        Custom("seen_at", "datetime", "date"),
        Custom("urgent", "bool", "booleancheckbox") with { Options = Options("true", "false") },
        Custom("colour", "enumeration", "select") with { Options = Options("red", "green", "dark blue") },
        Custom("tags_set", "enumeration", "checkbox") with { Options = Options("a", "b", "c") },
        Custom("ext_n", "number", "number") with { HasUniqueValue = true });

    public static readonly PortalSchema Portal = new([TicketType.Type], [Tickets], []);

    public static readonly Caller Caller = new(24000001, 1, Scopes.All);

    public static PropertyDefinition Custom(string name, string type = "string", string fieldType = "text") => new()
    {
        Name = name,
        Label = name,
        Type = type,
        FieldType = fieldType,
        GroupName = TicketType.Group,
        Archived = false,
    };

    public static Schema With(params PropertyDefinition[] definitions)
    {
        var content = SchemaContent.Of(TicketType.Type.Seed());
        foreach (var definition in definitions)
        {
            var number = content.LastNumber + 1;
            content = content with { Properties = content.Properties.Add(definition.Name, new(number, definition)), LastNumber = number };
        }

        return new Schema(TicketType.Type, content);
    }

    static System.Collections.Immutable.ImmutableArray<PropertyOption> Options(params string[] values) =>
        [.. values.Select((value, order) => new PropertyOption { Label = value.ToUpperInvariant(), Value = value, DisplayOrder = order })];
}
