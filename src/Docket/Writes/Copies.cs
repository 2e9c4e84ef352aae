using Docket.Model;

namespace Docket.Writes;

/// <summary>The values that new records copy from the records that they name (<see cref="ObjectType.Copying"/>). Which records are new is known only when they are written.</summary>
internal static class Copies
{
    /// <summary>The ids of the records that inputs name.</summary>
    public static IEnumerable<long> Named(WriteBatch batch, CopyRule copying) => batch.Inputs.Select(input => NamedBy(input, copying)).OfType<long>().Distinct();

    /// <summary>The values for each input, if it creates a record; <c>null</c> for none. A record that doesn't exist has none.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="copying">The rule.</param>
    /// <param name="source">The schema of the records that inputs name.</param>
    /// <param name="records">These records.</param>
    public static PropertyValue[]?[] Of(WriteBatch batch, CopyRule copying, Schema source, IReadOnlyList<Record> records)
    {
        var byId = records.ToDictionary(record => record.Id);
        return
        [
            .. batch.Inputs.Select(input => NamedBy(input, copying) is { } id && byId.TryGetValue(id, out var record)
                ? copying.Names.Select(batch.Schema.Find).OfType<Property>().Select(property => new PropertyValue(property, new Followed(source, record).Value(property.Name))).Where(value => !value.Value.IsEmpty).ToArray()
                : null),
        ];
    }

    static long? NamedBy(in CheckedInput input, CopyRule copying) =>
        !input.Skipped && Array.Find(input.Values, value => value.Property.Name == copying.Property) is { Value.IsEmpty: false } named ? Record.ParseId(named.Value.Span) : null;
}
