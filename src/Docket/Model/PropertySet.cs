namespace Docket.Model;

/// <summary>
/// A set of properties of one schema, stored as bits by <see cref="Property.Rank"/>. Iteration is in alphabetical order, which is the
/// order of keys on the wire, without sorting.
/// </summary>
internal readonly struct PropertySet
{
    readonly ulong[] bits;

    public PropertySet(Schema schema) => bits = new ulong[(schema.Properties.Length + 63) / 64];

    PropertySet(ulong[] bits) => this.bits = bits;

    /// <summary>Whether the set means all properties with a value: the rest is omitted, not shown as <c>null</c>.</summary>
    public bool OnlyWithValue { get; private init; }

    /// <summary>All properties with a value.</summary>
    public static PropertySet Everything(Schema schema)
    {
        var set = new PropertySet(schema) { OnlyWithValue = true };
        foreach (var property in schema.Properties)
        {
            set.Add(property);
        }

        return set;
    }

    public void Add(Property property) => bits[property.Rank >> 6] |= 1UL << property.Rank;

    /// <summary>This set without the properties of <paramref name="other"/>, a set of the same schema.</summary>
    public PropertySet Without(PropertySet other) => new([.. bits.Zip(other.bits, (mine, theirs) => mine & ~theirs)]) { OnlyWithValue = OnlyWithValue };

    /// <summary>Makes this set equal to <paramref name="other"/>, a set of the same schema.</summary>
    public void Become(PropertySet other) => other.bits.CopyTo(bits, 0);

    public PropertySet Copy() => new([.. bits]) { OnlyWithValue = OnlyWithValue };

    /// <summary>The smallest rank in the set that is at least <paramref name="from"/>, or -1.</summary>
    public int Next(int from)
    {
        for (var word = from >> 6; word < bits.Length; word++)
        {
            var rest = bits[word] & (word == from >> 6 ? ulong.MaxValue << from : ulong.MaxValue);
            if (rest != 0)
            {
                return (word << 6) + System.Numerics.BitOperations.TrailingZeroCount(rest);
            }
        }

        return -1;
    }
}
