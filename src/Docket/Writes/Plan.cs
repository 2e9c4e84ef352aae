using Docket.Model;

namespace Docket.Writes;

/// <summary>What a store found for a batch before the planner decides.</summary>
/// <param name="Records">
/// The record of each input, or <c>null</c>: an active one; for a restore an archived one, otherwise an active one; for a purge the
/// reverse. Merges, restores, purges and updates of one record also follow the id of a record that was merged to the new
/// record.
/// </param>
/// <param name="Owners">The active record that has each unique value of the inputs, or of a record to restore.</param>
internal sealed record FoundRecords(Record?[] Records, Dictionary<UniqueValue, long> Owners)
{
    /// <summary>For creates: the values that their owner has among its further ones (<see cref="Property.More"/>); <c>null</c> for none.</summary>
    public HashSet<UniqueValue>? Further { get; set; }

    /// <summary>For each input, the values that it leaves out if it creates a record (<see cref="Copies"/>); <c>null</c> if the type has none.</summary>
    public PropertyValue[]?[]? Copied { get; set; }
}

/// <summary>One change to write, and the record after it.</summary>
/// <param name="Kind">The kind of change.</param>
/// <param name="Record">The record afterwards, with this as its last change.</param>
/// <param name="Previous">Sequence number of the record's previous change; <c>null</c> for a create; for a merge that of the primary.</param>
/// <param name="Time">Milliseconds since 1970; later than the record's previous change.</param>
/// <param name="TraceId">The input's trace id.</param>
/// <param name="Content">The values that changed: see <see cref="ValueReader"/>.</param>
/// <param name="Before">The record before an update, a restore or a purge.</param>
internal readonly record struct PlannedWrite(
    ChangeKind Kind, Record Record, long? Previous, long Time, ReadOnlyMemory<byte>? TraceId, ReadOnlyMemory<byte> Content, Record? Before = null);

/// <summary>Everything to write for a batch, complete before the first row is written.</summary>
/// <param name="Outcome">The result for the caller.</param>
/// <param name="Writes">In order of sequence numbers. Empty if the batch is refused.</param>
/// <param name="Holders">Unique values that records get, and those that they lose (no id). In order: a value may move from one record to the next.</param>
/// <param name="StageMoves">The change in the number of active records of each stage.</param>
internal sealed record Plan(
    Outcome Outcome, List<PlannedWrite> Writes, List<(UniqueValue Value, long? Id)> Holders, Dictionary<string, int> StageMoves);
