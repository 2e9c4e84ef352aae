using System.Collections.Immutable;
using System.Globalization;

namespace Docket.Model;

/// <summary>One record as a store keeps it, at one moment.</summary>
/// <param name="Id">The record id on the wire.</param>
/// <param name="CreatedAt">Its <c>createdate</c>, milliseconds since 1970.</param>
/// <param name="UpdatedAt">Its <c>hs_lastmodifieddate</c>, milliseconds since 1970.</param>
/// <param name="ArchivedAt">When it was archived, or <c>null</c> while it is active.</param>
/// <param name="Source">What created it.</param>
/// <param name="FirstChange">Sequence number of the change that created it, a create or a merge.</param>
/// <param name="LastChange">Sequence number of its newest change.</param>
/// <param name="Values">Its property values: see <see cref="ValueReader"/>; links count from <paramref name="FirstChange"/>.</param>
internal sealed record Record(
    long Id, long CreatedAt, long UpdatedAt, long? ArchivedAt, Source Source, long FirstChange, long LastChange, ReadOnlyMemory<byte> Values)
{
    /// <summary>
    /// The id of a record is this plus <see cref="FirstChange"/>: unique in the portal without a counter of its own, and the
    /// way from an id to the change that made it.
    /// </summary>
    public const long IdBase = 10_000_000_000;

    /// <summary>The number of a record id on the wire: digits only; <c>null</c> for anything else.</summary>
    public static long? ParseId(ReadOnlySpan<byte> text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : null;
}

/// <summary>What a change did to its record. The numbers stand in files and never change.</summary>
internal enum ChangeKind
{
    /// <summary>Holds all values of the new record.</summary>
    Create = 1,

    /// <summary>Holds the values that changed.</summary>
    Update = 2,

    Archive = 3,

    /// <summary>Back from the archive. Holds the values that changed with it.</summary>
    Restore = 4,

    /// <summary>
    /// A new record out of two. Holds all of its values, each with the link into the chain of the record it came from. The
    /// two changes before it are always those of the two records, first the other's, then the primary's: see <see cref="MergedAway"/>.
    /// </summary>
    Merge = 5,

    /// <summary>The record became part of another. Holds the values it had, so that it can still be shown as it was.</summary>
    MergedAway = 6,

    /// <summary>The record is gone for good; its changes before this one hold nothing any more.</summary>
    Purge = 7,
}

/// <summary>One committed change as the feed tells it.</summary>
/// <param name="Sequence">Its number: ascending in order of commit, without gaps.</param>
/// <param name="Type">The number of the record's object type.</param>
/// <param name="RecordId">The record's id.</param>
/// <param name="Kind">What it did.</param>
/// <param name="Time">Milliseconds since 1970.</param>
/// <param name="Source">What it is put down to.</param>
/// <param name="TraceId">The trace id of the input, or <c>null</c>.</param>
/// <param name="Related">Of a merge the primary and the other record, of one merged away the record it became part of.</param>
/// <param name="Values">The values that changed, ascending by property number.</param>
internal sealed record Change(
    long Sequence, int Type, long RecordId, ChangeKind Kind, long Time, Source Source, ReadOnlyMemory<byte>? TraceId,
    ImmutableArray<long> Related, ImmutableArray<ChangedValue> Values);

/// <summary>One value of a change.</summary>
/// <param name="Number">The property's number.</param>
/// <param name="Before">The value before it; <c>null</c> when there was none, and for all values of a new record.</param>
/// <param name="After">The value since; empty when it was cleared.</param>
internal sealed record ChangedValue(int Number, ReadOnlyMemory<byte>? Before, ReadOnlyMemory<byte> After);

/// <summary>One value a property had, for <c>propertiesWithHistory</c> (reference/objects-and-batch.md 5).</summary>
internal sealed record HistoryEntry(string Value, long Timestamp, Source Source);
