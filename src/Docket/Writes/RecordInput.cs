namespace Docket.Writes;

/// <summary>One property and its value as they stand in the request, in UTF-8.</summary>
/// <param name="Name">The property's name.</param>
/// <param name="Value">The text of the value.</param>
/// <param name="IsNull">JSON <c>null</c>: accepted and ignored (reference/objects-and-batch.md 2.1).</param>
internal readonly record struct RawValue(ReadOnlyMemory<byte> Name, ReadOnlyMemory<byte> Value, bool IsNull = false);

/// <summary>One wanted write as the request has it: nothing is looked up or checked yet.</summary>
internal sealed class RecordInput
{
    /// <summary>A record id, or a value of the property that <see cref="IdProperty"/> names. Empty in creates.</summary>
    public ReadOnlyMemory<byte> Id { get; set; }

    /// <summary>Name of a unique property, or <c>null</c> for the record id.</summary>
    public ReadOnlyMemory<byte>? IdProperty { get; set; }

    public ReadOnlyMemory<byte>? TraceId { get; set; }

    public RawValue[] Values { get; set; } = [];

    /// <summary>The id of a record that was merged away leads to the one it became part of. Writes of one record do so, batches of updates don't.</summary>
    public bool FollowsMerges { get; set; }

    /// <summary>The input is for a record that has this value: one that has another by now is left alone.</summary>
    public UniqueValue? Holding { get; init; }
}
