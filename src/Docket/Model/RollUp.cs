using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>What a roll-up property shows of a record's associations.</summary>
internal enum RollUpKind
{
    /// <summary>How many records it is associated with; <c>0</c> if it never was.</summary>
    Count,

    /// <summary>The id of the one record that it is associated with.</summary>
    Id,

    /// <summary>When it was last associated with one.</summary>
    Moment,
}

/// <summary>A property of a type that follows from associations (reference/objects-other-than-tickets.md 8.9).</summary>
/// <param name="Property">The property.</param>
/// <param name="Kind">What it shows.</param>
/// <param name="Types">Ids of HubSpot's association types that start at records of the type.</param>
internal sealed record RollUp(string Property, RollUpKind Kind, params ImmutableArray<int> Types)
{
    /// <summary>Whether an association type, by its number, counts.</summary>
    public bool Follows(int number) => (number & 1) == 0 && Types.Contains(number >> 1);

    /// <summary>The number of notes, tasks, calls, emails and meetings, and when the last one was logged.</summary>
    public static ImmutableArray<RollUp> OfActivities(int note, int task, int call, int email, int meeting) =>
        [new("num_notes", RollUpKind.Count, note, task, call, email, meeting), new("notes_last_updated", RollUpKind.Moment, note, task, call, email, meeting)];
}
