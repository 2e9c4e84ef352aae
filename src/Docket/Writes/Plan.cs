using Docket.Model;

namespace Docket.Writes;

/// <summary>What a store found for a batch before anything was decided.</summary>
/// <param name="Records">
/// For each input the record it names, or <c>null</c>: an active one, for a restore an archived one or else an active one, for a
/// purge the other way round. Merges, restores, purges and updates of one record also find the record that one merged away
/// became part of.
/// </param>
/// <param name="Owners">Which active record holds each unique value that the inputs mention, or that a record to be restored has.</param>
internal sealed record FoundRecords(Record?[] Records, Dictionary<UniqueValue, long> Owners);

/// <summary>One change to be written, and the record after it.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Record">The record afterwards; its last change is this one.</param>
/// <param name="Previous">Sequence number of the record's change before this one; <c>null</c> for a create; for a merge the primary's.</param>
/// <param name="Time">Milliseconds since 1970; later than the record's change before.</param>
/// <param name="TraceId">The input's trace id.</param>
/// <param name="Content">The values that changed: see <see cref="ValueReader"/>.</param>
/// <param name="Before">The record's values before an update, a restore or a purge.</param>
internal readonly record struct PlannedWrite(
    ChangeKind Kind, Record Record, long? Previous, long Time, ReadOnlyMemory<byte>? TraceId, ReadOnlyMemory<byte> Content, ReadOnlyMemory<byte> Before = default);

/// <summary>What is to be written for a batch, decided in full before the first row is.</summary>
/// <param name="Outcome">What the caller will be told.</param>
/// <param name="Writes">In the order of their sequence numbers. Empty when the batch is refused.</param>
/// <param name="Holders">Unique values that records take, and those that they give up (no id). In order: a value may go from one to the next.</param>
/// <param name="StageMoves">By how much the number of active records in a stage changes.</param>
internal sealed record Plan(
    Outcome Outcome, List<PlannedWrite> Writes, List<(UniqueValue Value, long? Id)> Holders, Dictionary<string, int> StageMoves);
