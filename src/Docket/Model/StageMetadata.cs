using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Docket.Model;

/// <summary>The meaning of a stage: texts by key, in the order of the type's rules.</summary>
[JsonConverter(typeof(StageMetadataConverter))]
internal sealed class StageMetadata(ImmutableArray<(string Key, string Value)> values) : IEquatable<StageMetadata>
{
    public const string IsClosedKey = "isClosed";

    public ImmutableArray<(string Key, string Value)> Values => values;

    /// <summary>The value of a key, or <c>null</c>.</summary>
    public string? this[string key] => values.FirstOrDefault(entry => entry.Key == key).Value;

    /// <summary>Whether records in the stage are closed.</summary>
    public bool IsClosed { get; } = values.Contains((IsClosedKey, "true"));

    public bool Equals(StageMetadata? other) => other is not null && values.SequenceEqual(other.Values);

    public override bool Equals(object? other) => Equals(other as StageMetadata);

    public override int GetHashCode() => values.Aggregate(0, HashCode.Combine);
}

/// <summary>A rule for one key in the metadata of a type's stages (reference/properties-pipelines-search-associations.md 3.4). <see cref="Allowed"/>, <see cref="Range"/>, or neither for <c>isClosed</c>, which follows from the others.</summary>
/// <param name="Key">The key.</param>
internal sealed record StageMetadataRule(string Key)
{
    /// <summary><c>"true"</c> or <c>"false"</c>, as the other keys say; what a request says is ignored.</summary>
    public static StageMetadataRule IsClosed { get; } = new(StageMetadata.IsClosedKey);

    /// <summary>The allowed values; empty for a number. Letter case is significant.</summary>
    public ImmutableArray<string> Allowed { get; init; } = [];

    /// <summary>The smallest and the largest number; <c>null</c> for other values.</summary>
    public (double Min, double Max)? Range { get; init; }

    /// <summary>The value if none is given; <c>null</c> if one is required.</summary>
    public string? Default { get; init; }

    /// <summary>The values that close the stage.</summary>
    public ImmutableArray<string> Closing { get; init; } = [];

    /// <summary>Whether the value follows from other keys.</summary>
    public bool IsDerived => Allowed.IsEmpty && Range is null;

    /// <summary>The stored form of a value, <c>null</c> if it isn't allowed.</summary>
    public string? Normalise(string value)
    {
        if (Range is not var (min, max))
        {
            return Allowed.Contains(value) ? value : null;
        }

        return double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max ? ToText(number) : null;
    }

    /// <summary>A number with at least one fractional digit, such as <c>1.0</c>.</summary>
    public static string ToText(double number) => (number + 0.0).ToString("0.0###############", CultureInfo.InvariantCulture); // not -0.0
}

/// <summary>Reads and writes metadata as an object of texts.</summary>
internal sealed class StageMetadataConverter : JsonConverter<StageMetadata>
{
    public override StageMetadata Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var values = ImmutableArray.CreateBuilder<(string, string)>();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            reader.Read();
            values.Add((key, reader.GetString()!));
        }

        return new(values.DrainToImmutable());
    }

    public override void Write(Utf8JsonWriter writer, StageMetadata value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach (var (key, text) in value.Values)
        {
            writer.WriteString(key, text);
        }

        writer.WriteEndObject();
    }
}
