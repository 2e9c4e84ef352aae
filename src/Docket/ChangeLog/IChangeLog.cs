using System.Collections.Immutable;
using Docket.Model;

namespace Docket.ChangeLog;

/// <summary>One committed change; its type is the number of the object type. If it was read from the log, it has no values: <see cref="IChangeLog"/> is positioned on them.</summary>
internal readonly record struct FollowedChange(ChangeKind Kind, long Sequence, int Type, long RecordId, long Time, long Source)
{
    /// <summary>The values that changed; <c>null</c> if it was read from the log.</summary>
    public ReadOnlyMemory<byte>? Content { get; init; }

    /// <summary>The record's values before the change, if the change has its content.</summary>
    public ReadOnlyMemory<byte> Before { get; init; }
}

/// <summary>A record in the initial state that a follower of the changes starts with.</summary>
internal sealed record LoggedRecord(int Type, long Id, long CreatedAt, long UpdatedAt, long Source, bool Active, ReadOnlyMemory<byte> Values)
{
    /// <summary>Merges lists that are ordered by id.</summary>
    public static IEnumerable<LoggedRecord> ById(IEnumerable<IEnumerable<LoggedRecord>> ordered)
    {
        var lists = ordered.Select(list => list.GetEnumerator()).ToList();
        try
        {
            var next = new PriorityQueue<IEnumerator<LoggedRecord>, long>();
            foreach (var list in lists.Where(list => list.MoveNext()))
            {
                next.Enqueue(list, list.Current.Id);
            }

            while (next.TryPeek(out var list, out _))
            {
                yield return list.Current;
                _ = list.MoveNext() ? next.DequeueEnqueue(list, list.Current.Id) : next.Dequeue();
            }
        }
        finally
        {
            lists.ForEach(list => list.Dispose());
        }
    }
}

/// <summary>A portal's changes in order, and its records to start with, for one thread that follows them.</summary>
internal interface IChangeLog : IDisposable
{
    /// <summary>When a change was made; 0 for the beginning, <c>null</c> if there is no such change.</summary>
    long? TimeOf(long sequence);

    /// <summary>The changes after one, at most <paramref name="limit"/>.</summary>
    IEnumerable<FollowedChange> After(long sequence, int limit);

    /// <summary>The values of a change. If it has none itself, it must be the current one.</summary>
    ReadOnlySpan<byte> ContentOf(in FollowedChange change);

    /// <summary>One value that an earlier change set, valid until the next call; empty if it was permanently deleted.</summary>
    ReadOnlySpan<byte> ValueSetBy(long sequence, int property);

    /// <summary>The create date and the source of a record that a change created: those of the change, unless the values differ; a merged record has its own.</summary>
    (long CreatedAt, long Source) OriginOf(in FollowedChange change);

    /// <summary>Opens a snapshot of the portal until it is disposed.</summary>
    IDisposable Snapshot();

    /// <summary>Number and time of the newest change; 0 and 0 before the first.</summary>
    (long Sequence, long Time) Newest();

    long CountRecords();

    /// <summary>Whether a record is associated with another one, or with any of a type, after a change.</summary>
    /// <param name="sequence">The number of the change.</param>
    /// <param name="record">The record's type and id.</param>
    /// <param name="types">The numbers of the association types to look for.</param>
    /// <param name="other">The other record; <c>null</c> for any.</param>
    bool AreTied(long sequence, (int Type, long Id) record, IReadOnlyList<int> types, (int Type, long Id)? other);

    /// <summary>Which of some records are associated with an active record by one of some types, in the newest state.</summary>
    /// <param name="type">The records' type.</param>
    /// <param name="ids">Their ids.</param>
    /// <param name="types">The numbers of the association types, which all lead to records of one type.</param>
    bool[] AreTiedToActive(int type, IReadOnlyList<long> ids, ImmutableArray<int> types);

    /// <summary>The records that one is associated with in the newest state, also archived ones.</summary>
    IReadOnlyList<(int Type, long Id)> TiedTo((int Type, long Id) record);

    /// <summary>All associations after a change, for each side: type and id of the record, and of the other one.</summary>
    IEnumerable<((int Type, long Id) Record, (int Type, long Id) Other)> Ties(long sequence);

    /// <summary>All records of some types by id, active and archived.</summary>
    IEnumerable<LoggedRecord> Records(IEnumerable<ObjectType> types);
}
