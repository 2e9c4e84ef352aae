using System.Buffers.Binary;
using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>
/// The column <c>names</c> of a table with answers: what each answer names. It begins so that an index on it finds an answer: with
/// 0 if all names are near each other, such as the ids of new records, else with 1, and then the lowest name. The other names follow
/// as distances, each with its row. An answer has one entry in the index, not one for each name: a step of a job names a hundred
/// records from everywhere, and as many entries would cost more than all its other writes (docs/internals/decisions.md, Purging).
/// </summary>
internal static class NameColumn
{
    /// <summary>Names that are all closer than this to the lowest are found by it. Of other answers, the index is read.</summary>
    const long NearMax = 128;

    const int HeadLength = 1 + sizeof(long);

    public const string NearWhere = "names >= ? AND names < ?", FarWhere = "names >= x'01'";

    /// <summary>Binds the column; <c>NULL</c> for an answer that names nothing.</summary>
    public static Statement BindNames(this Statement statement, IEnumerable<(long Name, int Row)> names) =>
        Pack(names) is { } packed ? statement.Bind(packed) : statement.BindNull();

    /// <summary>The value of the column; <c>null</c> for an answer that names nothing.</summary>
    public static byte[]? Pack(IEnumerable<(long Name, int Row)> names)
    {
        (long Name, int Row)[] sorted = [.. names.Distinct().Order()];
        if (sorted is not [var (lowest, _), ..])
        {
            return null;
        }

        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write(Head(sorted[^1].Name - lowest < NearMax, lowest));
        var before = lowest;
        foreach (var (name, row) in sorted)
        {
            writer.Write7BitEncodedInt64(name - before);
            writer.Write7BitEncodedInt(row);
            before = name;
        }

        return bytes.ToArray();
    }

    /// <summary>The names in a value of the column, in order.</summary>
    public static List<(long Name, int Row)> Unpack(ReadOnlySpan<byte> packed)
    {
        var names = new List<(long, int)>();
        var name = BinaryPrimitives.ReadInt64BigEndian(packed[1..]);
        for (var rest = packed[HeadLength..]; !rest.IsEmpty;)
        {
            name += ReadInteger(ref rest);
            names.Add((name, (int)ReadInteger(ref rest)));
        }

        return names;
    }

    /// <summary>The answers that name at least one of the given records, by the number of their row in the table.</summary>
    public static List<(long RowId, List<(long Name, int Row)> Names)> Find(Connection connection, string table, HashSet<long> sought)
    {
        var found = new Dictionary<long, List<(long Name, int Row)>>();
        using var near = connection.Prepare($"SELECT rowid, names FROM {table} WHERE {NearWhere}");
        foreach (var name in sought)
        {
            Add(BindNear(near, name));
        }

        using var far = connection.Prepare($"SELECT rowid, names FROM {table} WHERE {FarWhere}");
        Add(far);
        return [.. found.Select(entry => (entry.Key, entry.Value))];

        void Add(Statement select)
        {
            while (select.Step())
            {
                var names = Unpack(select.Blob(1));
                if (names.Exists(entry => sought.Contains(entry.Name)))
                {
                    found[select.Integer(0)] = names;
                }
            }
        }
    }

    /// <summary>Binds <see cref="NearWhere"/>: the answers whose lowest name is at most this one, and near it.</summary>
    public static Statement BindNear(Statement statement, long name) =>
        statement.Bind(Head(isNear: true, Math.Max(0, name - NearMax + 1))).Bind(Head(isNear: true, name + 1));

    // Big-endian, so that blobs are in the order of the numbers.
    static byte[] Head(bool isNear, long lowest)
    {
        var head = new byte[HeadLength];
        head[0] = isNear ? (byte)0 : (byte)1;
        BinaryPrimitives.WriteInt64BigEndian(head.AsSpan(1), lowest);
        return head;
    }

    static long ReadInteger(ref ReadOnlySpan<byte> bytes)
    {
        long value = 0;
        for (var (at, shift) = (0, 0); ; at++, shift += 7)
        {
            value |= (long)(bytes[at] & 0x7f) << shift;
            if (bytes[at] < 0x80)
            {
                bytes = bytes[(at + 1)..];
                return value;
            }
        }
    }
}
