using Docket.Model;

namespace Docket.Stores;

/// <summary>
/// The key of a record's row: object type, archived or not, and id, from the highest bits to the lowest. So the active and the
/// archived records of a type are each a range of the table, read in order of id without an index and without skipping rows,
/// however many records are in the other range.
/// </summary>
internal static class RecordKey
{
    const int IdBits = 47;
    const long IdMask = (1L << IdBits) - 1;

    /// <summary>The largest id that a key can hold.</summary>
    public const long IdMax = IdMask;

    /// <summary>The bit that distinguishes the key of an archived record.</summary>
    public const long ArchivedBit = 1L << IdBits;

    public static long Of(ObjectType type, long id, bool archived) => Of(type.Number, id, archived);

    public static long Of(int type, long id, bool archived) => ((long)type << (IdBits + 1)) | (archived ? ArchivedBit : 0) | id;

    public static long IdOf(long key) => key & IdMask;

    public static bool IsArchived(long key) => (key & ArchivedBit) != 0;

    /// <summary>The number of the object type.</summary>
    public static int TypeOf(long key) => (int)(key >> (IdBits + 1));
}
