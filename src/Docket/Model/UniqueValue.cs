namespace Docket.Model;

/// <summary>
/// A value of a unique property, compared byte by byte: letter case and white space are significant (reference/objects-and-batch.md 1.3).
/// Values of properties that are unique together are equal whichever of them holds it (<see cref="Property.ClaimedAs"/>).
/// </summary>
internal readonly struct UniqueValue(Property? property, ReadOnlyMemory<byte> value) : IEquatable<UniqueValue>
{
    /// <summary>The unique property; <c>null</c> for the record id.</summary>
    public Property? Property { get; } = property?.ClaimedAs;

    public ReadOnlyMemory<byte> Value { get; } = value;

    public bool Equals(UniqueValue other) => ReferenceEquals(Property, other.Property) && Value.Span.SequenceEqual(other.Value.Span);

    public override bool Equals(object? other) => other is UniqueValue value && Equals(value);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Property?.Number ?? 0);
        hash.AddBytes(Value.Span);
        return hash.ToHashCode();
    }
}
