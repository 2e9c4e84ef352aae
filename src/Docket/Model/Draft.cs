using System.Text;

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

    /// <summary>The record's <c>createdate</c> after the write, milliseconds since 1970.</summary>
    public long CreatedAt => schema.CreateDate is { } property && Place(property) is var at and >= 0 && Instant.Parse(wanted[at].Value.Span) is { } set ? set : record?.CreatedAt ?? now;

    /// <summary>The value before the write; empty if there was none.</summary>
    public ReadOnlyMemory<byte> Before(string name) => schema.Find(name) is { } property ? Stored(property) : default;

    /// <summary>The value after the write; empty if there is none.</summary>
    public ReadOnlyMemory<byte> After(string name) => schema.Find(name) is not { } property ? default
        : Place(property) is var at and >= 0 ? wanted[at].Value : Stored(property);

    /// <summary>The value after the write as text; empty if there is none.</summary>
    public string Text(string name) => Encoding.UTF8.GetString(After(name).Span);

    /// <summary>The value after the write as a number; <c>null</c> if there is none, or it is too long to calculate with.</summary>
    public ExactDecimal? Number(string name) => ExactDecimal.Parse(After(name).Span);

    /// <summary>The value after the write as a time, milliseconds since 1970; <c>null</c> if there is none.</summary>
    public long? Moment(string name) => Instant.Parse(After(name).Span);

    /// <summary>Whether the write changes the value. A create changes those that it sets.</summary>
    public bool Changes(string name) => schema.Find(name) is { } property && Place(property) >= 0;

    /// <summary>Whether the record is new, or the write changes one of the values.</summary>
    public bool IsNewOrChanges(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (Changes(name))
            {
                return true;
            }
        }

        return IsNew;
    }

    /// <summary>Sets a value of a new record that the write leaves out.</summary>
    public void Default(string name, string value)
    {
        if (IsNew && After(name).IsEmpty)
        {
            Set(name, value);
        }
    }

    /// <inheritdoc cref="Set(string, ReadOnlyMemory{byte})"/>
    public void Set(string name, string value) => Set(name, Encoding.UTF8.GetBytes(value));

    /// <summary>Sets a number; <c>null</c> clears.</summary>
    public void Set(string name, ExactDecimal? number) => Set(name, number is { } given ? given.ToUtf8() : default(ReadOnlyMemory<byte>));

    /// <summary>Sets a time, milliseconds since 1970; <c>null</c> clears.</summary>
    public void SetMoment(string name, long? moment) => Set(name, moment is { } given ? Instant.ToUtf8(given) : default(ReadOnlyMemory<byte>));

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

    /// <summary>Writes the stored value once more, whatever the write wants: nothing changes but the date of modification.</summary>
    public void Repeat(string name)
    {
        if (schema.Find(name) is { } property && Place(property) is var at and >= 0)
        {
            wanted[at] = new(property, Stored(property));
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
