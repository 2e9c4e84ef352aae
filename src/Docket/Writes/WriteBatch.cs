using Docket.Model;

namespace Docket.Writes;

/// <summary>The kind of write of a batch.</summary>
internal enum WriteKind
{
    Create,
    Update,
    Upsert,
    Archive,

    /// <summary>Restores archived records.</summary>
    Restore,

    /// <summary>Merges two inputs, the primary first, into a new record.</summary>
    Merge,

    /// <summary>Permanently deletes records and their history.</summary>
    Purge,
}

/// <summary>One input after validation.</summary>
/// <param name="Key">The unique property that identifies the record; <c>null</c> for the record id.</param>
/// <param name="KeyValue">The normalised value of <paramref name="Key"/>, or the record id as text.</param>
/// <param name="Values">Ascending by property number, each property once.</param>
/// <param name="Skipped">Ignored, because the input has a fault or was folded into a later one.</param>
internal readonly record struct CheckedInput(Property? Key, ReadOnlyMemory<byte> KeyValue, PropertyValue[] Values, bool Skipped)
{
    /// <summary>The records to associate it with; <c>null</c> for none.</summary>
    public RawTie[]? Ties { get; init; }
}

/// <summary>A validated batch for a store, all or nothing unless <see cref="Traced"/>.</summary>
internal sealed class WriteBatch
{
    public required WriteKind Kind { get; init; }

    public required Caller Caller { get; init; }

    /// <summary>The source of its changes.</summary>
    public Source Source => Kind == WriteKind.Merge ? Source.Merge(Caller.Source) : Caller.Source;

    /// <summary>The schema it was validated against. A store with a newer schema validates it again.</summary>
    public required Schema Schema { get; init; }

    /// <summary>The original inputs, for trace ids, texts of faults, and repeated validation.</summary>
    public required RecordInput[] Raw { get; init; }

    public required CheckedInput[] Inputs { get; init; }

    /// <summary>Faults from validation. The planner adds those that only the store can show.</summary>
    public required List<Fault> Faults { get; init; }

    /// <summary>Each input is decided on its own: each has its own trace id (reference/objects-and-batch.md 1.6), the request asks for it, or the batch is part of a large one.</summary>
    public required bool Traced { get; init; }

    /// <summary>
    /// Inputs may refer to the same record, and each sees the effects of the earlier ones. Otherwise such inputs are refused
    /// (reference/objects-and-batch.md 1.2).
    /// </summary>
    public required bool InOrder { get; init; }

    /// <summary>The optional features of the request.</summary>
    public required OptionalFeatures Features { get; init; }

    /// <summary>Indexes of the inputs that were folded into later ones.</summary>
    public required IReadOnlyList<int> Folded { get; init; }

    /// <summary>Whether some input is to be associated with other records.</summary>
    public bool HasTies { get; init; }

    /// <summary>The batch with more faults, each of which fails its input.</summary>
    public WriteBatch With(IReadOnlyCollection<Fault> more) => new()
    {
        Kind = Kind,
        Caller = Caller,
        Schema = Schema,
        Raw = Raw,
        Inputs = [.. Inputs.Select((input, index) => more.Any(fault => fault.Index == index) ? input with { Skipped = true } : input)],
        Faults = [.. Faults, .. more],
        Traced = Traced,
        InOrder = InOrder,
        Features = Features,
        Folded = Folded,
        HasTies = HasTies,
    };

    /// <summary>The batch is decided as usual, but nothing is written.</summary>
    public bool DryRun => Features.HasFlag(OptionalFeatures.DryRun);
}
