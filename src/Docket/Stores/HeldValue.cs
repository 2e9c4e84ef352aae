using System.IO.Hashing;
using Docket.Model;

namespace Docket.Stores;

/// <summary>A value of a unique property, as a key in memory and in <c>unique_value</c>. Its hash is calculated once, because several tables are asked for it.</summary>
internal readonly struct HeldValue(int property, ReadOnlyMemory<byte> value) : IEquatable<HeldValue>, IComparable<HeldValue>
{
    /// <summary>A value of a unique property.</summary>
    public static HeldValue Of(Property property, ReadOnlyMemory<byte> value) => new(property.ClaimedAs.Number, value);

    public int Property => property;

    public ReadOnlyMemory<byte> Value => value;

    public long Hash { get; } = HashOf(property, value.Span);

    /// <summary>Differs between processes, so that nobody can choose values with the same one.</summary>
    public static long HashOf(int property, ReadOnlySpan<byte> value) => (long)XxHash3.HashToUInt64(value, HashCode.Combine(property));

    public bool Equals(HeldValue other) => Hash == other.Hash && property == other.Property && value.Span.SequenceEqual(other.Value.Span);

    public override bool Equals(object? other) => other is HeldValue held && Equals(held);

    public override int GetHashCode() => (int)Hash;

    /// <summary>The order of the table.</summary>
    public int CompareTo(HeldValue other) => property != other.Property ? property.CompareTo(other.Property) : value.Span.SequenceCompareTo(other.Value.Span);
}
