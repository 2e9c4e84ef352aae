using Docket.Model;

namespace Docket.ChangeLog;

/// <summary>One committed change; its type is the number of the object type. One that was read from the log has no values with it: <see cref="IChangeLog"/> stands on them.</summary>
internal readonly record struct FollowedChange(ChangeKind Kind, long Sequence, int Type, long RecordId, long Time, long Source)
{
    /// <summary>The values that changed; <c>null</c> when it was read from the log.</summary>
    public ReadOnlyMemory<byte>? Content { get; init; }

    /// <summary>The record's values before, of a change that has its content.</summary>
    public ReadOnlyMemory<byte> Before { get; init; }
}

/// <summary>A record as one that follows the changes starts from.</summary>
internal sealed record LoggedRecord(int Type, long Id, long CreatedAt, long UpdatedAt, long Source, bool Active, byte[] Values);

/// <summary>A portal's changes in order, and its records to start from, for one thread that follows them.</summary>
internal interface IChangeLog : IDisposable
{
    /// <summary>When a change was made; 0 for the beginning, <c>null</c> when there is no such change.</summary>
    long? TimeOf(long sequence);

    /// <summary>The changes after one, at most <paramref name="limit"/>.</summary>
    IEnumerable<FollowedChange> After(long sequence, int limit);

    /// <summary>The values of a change; while it is the current one, when it has none with it.</summary>
    ReadOnlySpan<byte> ContentOf(in FollowedChange change);

    /// <summary>One value that an earlier change set, until the next call; nothing when it is gone for good.</summary>
    ReadOnlySpan<byte> ValueSetBy(long sequence, int property);

    /// <summary>The create date and the source of a record that a change made: those of the change, unless the values say otherwise; a merged record has its own.</summary>
    (long CreatedAt, long Source) OriginOf(in FollowedChange change);

    /// <summary>Sees one state of the portal until it is disposed of.</summary>
    IDisposable Snapshot();

    /// <summary>Number and time of the newest change; 0 and 0 before the first.</summary>
    (long Sequence, long Time) Newest();

    long CountRecords();

    /// <summary>All records of some types in the order of their ids, active and archived ones.</summary>
    IEnumerable<LoggedRecord> Records(IEnumerable<ObjectType> types);
}
