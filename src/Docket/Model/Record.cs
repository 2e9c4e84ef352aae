using System.Collections.Immutable;
using System.Globalization;

namespace Docket.Model;

/// <summary>One stored record, at one moment.</summary>
/// <param name="Id">The record id on the wire.</param>
/// <param name="CreatedAt">Its <c>createdate</c>, milliseconds since 1970.</param>
/// <param name="UpdatedAt">Its <c>hs_lastmodifieddate</c>, milliseconds since 1970.</param>
/// <param name="ArchivedAt">When it was archived; <c>null</c> while it is active.</param>
/// <param name="Source">The source of its creation.</param>
/// <param name="FirstChange">Sequence number of the change that created it, a create or a merge.</param>
/// <param name="LastChange">Sequence number of its newest change.</param>
/// <param name="Values">Its property values: see <see cref="ValueReader"/>; links count from <paramref name="FirstChange"/>.</param>
internal sealed record Record(
    long Id, long CreatedAt, long UpdatedAt, long? ArchivedAt, Source Source, long FirstChange, long LastChange, ReadOnlyMemory<byte> Values)
{
    /// <summary>
    /// The id of a record is this plus <see cref="FirstChange"/>: unique in the portal without its own counter, and it leads to the change
    /// that created the record.
    /// </summary>
    public const long IdBase = 10_000_000_000;

    /// <summary>The number of a record id on the wire: digits only; <c>null</c> for anything else.</summary>
    public static long? ParseId(ReadOnlySpan<byte> text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : null;
}

/// <summary>What a change did to its record. The numbers are stored in files and never change.</summary>
internal enum ChangeKind
{
    /// <summary>Contains all values of the new record.</summary>
    Create = 1,

    /// <summary>Contains the values that changed.</summary>
    Update = 2,

    Archive = 3,

    /// <summary>Restored from the archive. Contains the values that changed with it.</summary>
    Restore = 4,

    /// <summary>
    /// A new record merged from two. Contains all its values, each linked into the chain of its source record. The two preceding changes
    /// are always those of the two records, first the other's, then the primary's: see <see cref="MergedAway"/>.
    /// </summary>
    Merge = 5,

    /// <summary>The record was merged into another. Contains the values that it had, so that it can still be shown as it was.</summary>
    MergedAway = 6,

    /// <summary>The record was permanently deleted; its earlier changes no longer contain values.</summary>
    Purge = 7,

    /// <summary>The record was associated with another one, which is not a change of either record: see <see cref="TieContent"/>.</summary>
    Associate = 8,

    /// <summary>Associations with another record ended: see <see cref="TieContent"/>.</summary>
    Dissociate = 9,
}

/// <summary>One committed change in the feed.</summary>
/// <param name="Sequence">Its number: ascending in commit order, without gaps.</param>
/// <param name="Type">The number of the record's object type.</param>
/// <param name="RecordId">The record's id.</param>
/// <param name="Kind">What it did to the record.</param>
/// <param name="Time">Milliseconds since 1970.</param>
/// <param name="Source">Its source.</param>
/// <param name="TraceId">The trace id of the input, or <c>null</c>.</param>
/// <param name="Related">For a merge the primary and the other record, for a merged record the one that replaced it.</param>
/// <param name="Values">The values that changed, ascending by property number.</param>
internal sealed record Change(
    long Sequence, int Type, long RecordId, ChangeKind Kind, long Time, Source Source, ReadOnlyMemory<byte>? TraceId,
    ImmutableArray<long> Related, ImmutableArray<ChangedValue> Values)
{
    /// <summary>For a change of associations: the other record, and the numbers of the association types that begin or end.</summary>
    public (int OtherType, long OtherId, ImmutableArray<int> Types)? Tie { get; init; }
}

/// <summary>One value of a change.</summary>
/// <param name="Number">The property's number.</param>
/// <param name="Before">The previous value; <c>null</c> if there was none, and for all values of a new record.</param>
/// <param name="After">The new value; empty if it was cleared.</param>
internal sealed record ChangedValue(int Number, ReadOnlyMemory<byte>? Before, ReadOnlyMemory<byte> After);

/// <summary>One value in the history of a property, for <c>propertiesWithHistory</c> (reference/objects-and-batch.md 5).</summary>
internal sealed record HistoryEntry(string Value, long Timestamp, Source Source);
