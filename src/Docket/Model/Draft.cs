namespace Docket.Model;

/// <summary>A validated value: normalised UTF-8, ready to be stored.</summary>
/// <param name="Property">The property.</param>
/// <param name="Value">The value; empty clears.</param>
/// <param name="Append">The value's parts are added to the stored ones (a leading <c>;</c>, reference/objects-and-batch.md 2.1).</param>
internal readonly record struct PropertyValue(Property Property, ReadOnlyMemory<byte> Value, bool Append = false);

/// <summary>The record of a write as it will be, for the rules of its type (<see cref="ObjectType.Follow"/>).</summary>
/// <param name="schema">The schema.</param>
/// <param name="record">The record before the write; <c>null</c> if it is created.</param>
/// <param name="id">The record's id.</param>
/// <param name="wanted">The values that differ from them. The rules add to it and remove from it.</param>
/// <param name="now">The time of the write, milliseconds since 1970.</param>
/// <param name="settings">The settings of the portal.</param>
internal readonly struct Draft(Schema schema, Record? record, long id, List<PropertyValue> wanted, long now, PortalSettings settings)
{
    public Schema Schema => schema;

    public PortalSettings Settings => settings;

    public long Id => id;

    /// <summary>Milliseconds since 1970.</summary>
    public long Now => now;

    /// <summary>Whether the record is created.</summary>
    public bool IsNew => record is null;

    /// <summary>The value before the write; empty if there was none.</summary>
    public ReadOnlyMemory<byte> Before(string name) => schema.Find(name) is { } property ? Stored(property) : default;

    /// <summary>The value after the write; empty if there is none.</summary>
    public ReadOnlyMemory<byte> After(string name) => schema.Find(name) is not { } property ? default
        : Place(property) is var at and >= 0 ? wanted[at].Value : Stored(property);

    /// <summary>Whether the write changes the value.</summary>
    public bool Changes(string name) => schema.Find(name) is { } property && Place(property) >= 0;

    /// <summary>Sets a value; empty clears. What is stored already is no change. A portal may have archived the property.</summary>
    public void Set(string name, ReadOnlyMemory<byte> value)
    {
        if (schema.Find(name) is not { } property)
        {
            return;
        }

        Keep(name);
        if (!Stored(property).Span.SequenceEqual(value.Span))
        {
            wanted.Add(new(property, value));
        }
    }

    /// <summary>Leaves a value as it is stored, whatever the write wants.</summary>
    public void Keep(string name)
    {
        if (schema.Find(name) is { } property && Place(property) is var at and >= 0)
        {
            wanted.RemoveAt(at);
        }
    }

    int Place(Property property)
    {
        for (var at = 0; at < wanted.Count; at++)
        {
            if (ReferenceEquals(wanted[at].Property, property))
            {
                return at;
            }
        }

        return -1;
    }

    ReadOnlyMemory<byte> Stored(Property property)
    {
        if (record is null)
        {
            return default;
        }

        var reader = new ValueReader(record.Values.Span);
        return reader.Seek(property.Number) ? record.Values.Slice(reader.ValueStart, reader.Value.Length) : default;
    }
}
