using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Writes;

/// <summary>A property and its value in the request, in UTF-8.</summary>
/// <param name="Name">The property's name.</param>
/// <param name="Value">The text of the value.</param>
/// <param name="IsNull">JSON <c>null</c>: accepted and ignored (reference/objects-and-batch.md 2.1).</param>
internal readonly record struct RawValue(ReadOnlyMemory<byte> Name, ReadOnlyMemory<byte> Value, bool IsNull = false);

/// <summary>A record to associate an input with, before any lookup.</summary>
/// <param name="Id">Its id, or a value of <paramref name="IdProperty"/>.</param>
/// <param name="IdProperty">Name of a unique property of its type; <c>null</c> for the record id.</param>
/// <param name="Types">The association types.</param>
internal sealed record RawTie(string Id, string? IdProperty, ImmutableArray<(string Category, int Id)> Types);

/// <summary>One write in the request, before any lookup or validation.</summary>
internal sealed class RecordInput
{
    /// <summary>A record id, or a value of the property <see cref="IdProperty"/>. Empty in creates.</summary>
    public ReadOnlyMemory<byte> Id { get; set; }

    /// <summary>Name of a unique property, or <c>null</c> for the record id.</summary>
    public ReadOnlyMemory<byte>? IdProperty { get; set; }

    public ReadOnlyMemory<byte>? TraceId { get; set; }

    public RawValue[] Values { get; set; } = [];

    /// <summary>The records to associate it with; <c>null</c> for none.</summary>
    public RawTie[]? Ties { get; set; }

    /// <summary>Whether the id of a merged record leads to the record that replaced it. True for writes of one record, not for batches of updates.</summary>
    public bool FollowsMerges { get; set; }

    /// <summary>The value by which the record was found. If the record has another value by now, it is left unchanged.</summary>
    public UniqueValue? Holding { get; init; }
}
