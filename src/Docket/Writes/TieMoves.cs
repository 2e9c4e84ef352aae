using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Writes;

/// <summary>An association of a record as it is stored, also if the other record is archived.</summary>
/// <param name="Type">The number of the association type, as seen from the record.</param>
/// <param name="Other">Type and id of the other record.</param>
internal readonly record struct StoredTie(int Type, (int Type, long Id) Other);

/// <summary>What a merge and a permanent deletion do to associations: changes that follow those of the records.</summary>
internal static class TieMoves
{
    /// <summary>
    /// The new record has the associations of both, those that both have once, and only one primary company, that of the primary record
    /// (reference/objects-other-than-tickets.md 8.10).
    /// </summary>
    /// <param name="records">The records that were merged, the primary first, with their associations.</param>
    /// <param name="survivor">The new record.</param>
    /// <param name="time">The time of the merge, milliseconds since 1970.</param>
    /// <param name="firstSequence">The first free sequence number.</param>
    /// <param name="types">The association types of the portal.</param>
    /// <param name="active">Which of the other records are active.</param>
    public static List<PlannedTie> ToSurvivor(
        IReadOnlyList<((int Type, long Id) Record, IReadOnlyList<StoredTie> Ties)> records, (int Type, long Id) survivor, long time, long firstSequence, AssociationTypes types,
        IReadOnlySet<(int Type, long Id)> active)
    {
        var (moves, primaries, moved) = (new List<PlannedTie>(), new HashSet<int>(), new HashSet<StoredTie>());
        foreach (var (record, ties) in records)
        {
            var hasPrimary = primaries.ToImmutableHashSet();
            foreach (var tie in ties)
            {
                if (types.Find(tie.Type) is not { } type)
                {
                    continue;
                }

                moves.Add(new(ChangeKind.Dissociate, firstSequence + moves.Count, time, record, tie.Other, [type], !active.Contains(tie.Other)));
                var isInner = records.Any(other => other.Record == tie.Other);
                if (!isInner && !(type.IsPrimary && hasPrimary.Contains(type.Number)) && moved.Add(tie))
                {
                    moves.Add(new(ChangeKind.Associate, firstSequence + moves.Count, time, survivor, tie.Other, [type], !active.Contains(tie.Other)));
                    _ = type.IsPrimary && primaries.Add(type.Number);
                }
            }
        }

        return moves;
    }

    /// <summary>The associations of some records as changes that are not written: what follows from them changes as if they began or ended.</summary>
    public static List<PlannedTie> Of(ChangeKind kind, ObjectType from, IEnumerable<(long Id, IReadOnlyList<StoredTie> Ties)> records, AssociationTypes types) =>
        [.. records.SelectMany(record => record.Ties.Where(tie => types.Find(tie.Type) is not null).Select(tie => new PlannedTie(kind, 0, 0, (from.Number, record.Id), tie.Other, [types.Find(tie.Type)!])))];

    /// <summary>All associations of a record end.</summary>
    public static List<PlannedTie> Ended((int Type, long Id) record, bool isArchived, IReadOnlyList<StoredTie> ties, long time, long firstSequence, AssociationTypes types) =>
    [
        .. ties.Where(tie => types.Find(tie.Type) is not null)
            .Select((tie, at) => new PlannedTie(ChangeKind.Dissociate, firstSequence + at, time, record, tie.Other, [types.Find(tie.Type)!], isArchived)),
    ];
}
