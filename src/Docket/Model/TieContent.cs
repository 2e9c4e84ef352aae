using System.Buffers.Binary;
using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>The content of a change of associations: the other record, and the association types that begin or end between the two.</summary>
internal static class TieContent
{
    /// <summary>Whether a change is one of associations. It is no change of a record.</summary>
    public static bool IsTie(this ChangeKind kind) => kind is ChangeKind.Associate or ChangeKind.Dissociate;

    /// <summary>The content, as a block of values: each type is an entry whose value is the other record.</summary>
    /// <param name="writer">Builds it.</param>
    /// <param name="otherType">The number of the other record's type.</param>
    /// <param name="otherId">The other record's id.</param>
    /// <param name="types">The types as seen from the change's record, in order of their numbers.</param>
    public static byte[] Write(ValueWriter writer, int otherType, long otherId, ImmutableArray<AssociationType> types)
    {
        Span<byte> other = stackalloc byte[12];
        BinaryPrimitives.WriteInt32BigEndian(other, otherType);
        BinaryPrimitives.WriteInt64BigEndian(other[4..], otherId);
        foreach (var type in types)
        {
            writer.Add(type.Number, 0, other);
        }

        return writer.Take();
    }

    /// <summary>Reads a content of <see cref="Write"/>.</summary>
    public static (int OtherType, long OtherId, ImmutableArray<int> Types) Read(ReadOnlySpan<byte> content)
    {
        var (type, id, types) = (0, 0L, ImmutableArray.CreateBuilder<int>());
        var entries = new ValueReader(content);
        while (entries.Next())
        {
            (type, id) = (BinaryPrimitives.ReadInt32BigEndian(entries.Value), BinaryPrimitives.ReadInt64BigEndian(entries.Value[4..]));
            types.Add(entries.Number);
        }

        return (type, id, types.DrainToImmutable());
    }
}
