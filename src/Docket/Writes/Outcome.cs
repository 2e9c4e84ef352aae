using Docket.Model;

namespace Docket.Writes;

/// <summary>The effect of a write on one input.</summary>
internal enum Effect
{
    /// <summary>None; see the faults.</summary>
    None,
    Created,
    Updated,

    /// <summary>The record already had the requested values.</summary>
    Unchanged,
    Archived,
    Restored,
    Merged,
    Purged,
}

/// <summary>The effect on one input, and the record afterwards.</summary>
internal readonly record struct InputResult(Effect Effect, Record? Record);

/// <summary>The result of a batch. If it is <see cref="Refused"/>, nothing was written.</summary>
internal sealed record Outcome(WriteBatch Batch, InputResult[] Results, List<Fault> Faults)
{
    /// <summary>The batch is all or nothing and has a fault. Missing records alone don't refuse it (reference/objects-and-batch.md 4.9).</summary>
    public bool Refused => !Batch.Traced && Faults.Exists(fault => fault.Kind != FaultKind.NotFound);
}
