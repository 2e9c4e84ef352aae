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
    /// <param name="values">The values of the record.</param>
    /// <param name="key">The property.</param>
    /// <param name="wanted">The value.</param>
    /// <param name="ofAll">By any of the properties that are unique together.</param>
    public static bool Include(ReadOnlyMemory<byte> values, Property key, ReadOnlySpan<byte> wanted, bool ofAll = true)
    {
        if (ofAll)
        {
            return Include(values, key.ClaimedAs, wanted, ofAll: false) || (key.ClaimedAs.More is { } more && Include(values, more, wanted, ofAll: false));
        }

        var stored = new ValueReader(values.Span);
        if (stored.Seek(key.Number))
        {
            foreach (var claim in Of(key, values.Slice(stored.ValueStart, stored.Value.Length)))
            {
                if (claim.Value.Span.SequenceEqual(wanted))
                {
                    return true;
                }
            }
        }

        return false;
    }

    public Enumerator GetEnumerator() => new(property, value);

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
