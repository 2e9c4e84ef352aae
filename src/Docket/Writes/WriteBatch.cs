using Docket.Model;

namespace Docket.Writes;

/// <summary>What a batch wants done with its inputs.</summary>
internal enum WriteKind
{
    Create,
    Update,
    Upsert,
    Archive,

    /// <summary>Back from the archive.</summary>
    Restore,

    /// <summary>Two inputs, the primary first, become one new record.</summary>
    Merge,

    /// <summary>Away for good, history and all.</summary>
    Purge,
}

/// <summary>One checked value: normalised UTF-8, ready to be stored.</summary>
/// <param name="Property">The property.</param>
/// <param name="Value">The value; empty clears.</param>
/// <param name="Append">The value's parts are added to what is stored (a leading <c>;</c>, reference/objects-and-batch.md 2.1).</param>
internal readonly record struct PropertyValue(Property Property, ReadOnlyMemory<byte> Value, bool Append = false);

/// <summary>One input after validation.</summary>
/// <param name="Key">The unique property by which the record is found; <c>null</c> for the record id.</param>
/// <param name="KeyValue">The normalised value of <paramref name="Key"/>, or the record id as text.</param>
/// <param name="Values">Ascending by property number, each property once.</param>
/// <param name="Skipped">Left alone: the batch has a fault of this input, or it was folded into a later one.</param>
internal readonly record struct CheckedInput(Property? Key, ReadOnlyMemory<byte> KeyValue, PropertyValue[] Values, bool Skipped);

/// <summary>A validated batch: what a store is asked to do, all or nothing unless <see cref="Traced"/>.</summary>
internal sealed class WriteBatch
{
    public required WriteKind Kind { get; init; }

    public required Caller Caller { get; init; }

    /// <summary>What its changes are put down to.</summary>
    public Source Source => Kind == WriteKind.Merge ? Source.Merge(Caller.Source) : Caller.Source;

    /// <summary>The snapshot the batch was checked against. A store whose schema has moved on has it checked again.</summary>
    public required Schema Schema { get; init; }

    /// <summary>The inputs as they came, for the trace ids, the texts of faults, and checking again.</summary>
    public required RecordInput[] Raw { get; init; }

    public required CheckedInput[] Inputs { get; init; }

    /// <summary>What validation found; the planner adds what only the store can show.</summary>
    public required List<Fault> Faults { get; init; }

    /// <summary>Each input is decided on its own: every one has its own trace id (reference/objects-and-batch.md 1.6), or the request asks for the same without, or the batch is part of a large one.</summary>
    public required bool Traced { get; init; }

    /// <summary>
    /// Inputs may name the same record, each being decided as if the ones before it were stored already. Otherwise that is
    /// refused (reference/objects-and-batch.md 1.2).
    /// </summary>
    public required bool InOrder { get; init; }

    /// <summary>What the request asks for beyond HubSpot's ways.</summary>
    public required Help Helps { get; init; }

    /// <summary>The inputs that were folded into later ones, by their place in the batch.</summary>
    public required IReadOnlyList<int> Folded { get; init; }

    /// <summary>The batch is decided as any other, and nothing of it is written.</summary>
    public bool DryRun => Helps.HasFlag(Help.DryRun);
}
