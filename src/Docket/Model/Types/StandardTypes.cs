using System.Collections.Immutable;
using System.Text.Json;

namespace Docket.Model.Types;

/// <summary>The object types that every portal has.</summary>
internal static class StandardTypes
{
    /// <summary>All of them. The first is that of paths without a type.</summary>
    public static ImmutableArray<ObjectType> All { get; } = [Tickets.Type];

    /// <summary>Reads the definitions of a type from its file in <c>Properties/</c>.</summary>
    public static ImmutableArray<PropertyDefinition> ReadProperties(string file)
    {
        var name = $"Docket.Properties.{file}.json";
        using var json = typeof(StandardTypes).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"There is no embedded {name}.");
        return [.. JsonSerializer.Deserialize(json, SchemaJson.Default.PropertyDefinitionArray)!];
    }
}
