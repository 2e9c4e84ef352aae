namespace Docket.Model;

/// <summary>
/// What an active record claims for itself by having a value: nothing, the value, or each part of it (<see cref="Property.HasParts"/>).
/// The one definition for the planner and for both engines, which derive from values who holds what.
/// </summary>
internal readonly struct Claims
{
    readonly Property? property;
    readonly ReadOnlyMemory<byte> value;

    Claims(Property? property, ReadOnlyMemory<byte> value) => (this.property, this.value) = (property, value);

    /// <summary>The claims of a value; none for a property that isn't unique.</summary>
    public static Claims Of(Property? property, ReadOnlyMemory<byte> value) => property is { Unique: true } ? new(property, value) : default;

    /// <summary>Whether a record with these values claims a value of a unique property.</summary>
    public static bool Include(ReadOnlyMemory<byte> values, Property key, ReadOnlySpan<byte> wanted) =>
        Include(values, key.ClaimedAs, wanted, hasParts: false) || (key.ClaimedAs.More is { } more && Include(values, more, wanted, hasParts: true));

    public Enumerator GetEnumerator() => new(property, value);

    static bool Include(ReadOnlyMemory<byte> values, Property property, ReadOnlySpan<byte> wanted, bool hasParts)
    {
        var stored = new ValueReader(values.Span);
        if (wanted.IsEmpty || !stored.Seek(property.Number))
        {
            return false;
        }

        if (!hasParts)
        {
            return stored.Value.SequenceEqual(wanted);
        }

        foreach (var part in stored.Value.Split((byte)';'))
        {
            if (stored.Value[part].SequenceEqual(wanted))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The claims, one after the other. Empty values and parts claim nothing.</summary>
    public struct Enumerator(Property? property, ReadOnlyMemory<byte> rest)
    {
        public UniqueValue Current { get; private set; }

        public bool MoveNext()
        {
            while (!rest.IsEmpty)
            {
                var end = property!.HasParts ? rest.Span.IndexOf((byte)';') : -1;
                var part = end < 0 ? rest : rest[..end];
                rest = end < 0 ? default : rest[(end + 1)..];
                if (!part.IsEmpty)
                {
                    Current = new(property, part);
                    return true;
                }
            }

            return false;
        }
    }
}
