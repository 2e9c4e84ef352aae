using Docket.Model;

namespace Docket.Writes;

/// <summary>What became of one input.</summary>
internal enum Effect
{
    /// <summary>Nothing: see the faults.</summary>
    None,
    Created,
    Updated,

    /// <summary>The record already was as wanted.</summary>
    Unchanged,
    Archived,
    Restored,
    Merged,
    Purged,
}

/// <summary>What became of one input, and the record after it.</summary>
internal readonly record struct InputResult(Effect Effect, Record? Record);

/// <summary>What became of a batch. When <see cref="Refused"/> nothing was written.</summary>
internal sealed record Outcome(WriteBatch Batch, InputResult[] Results, List<Fault> Faults)
{
    /// <summary>The batch is all or nothing and has a fault. Missing records alone refuse nothing (reference/objects-and-batch.md 4.9).</summary>
    public bool Refused => !Batch.Traced && Faults.Exists(fault => fault.Kind != FaultKind.NotFound);
}
