namespace Docket.Model;

/// <summary>What kind of thing is wrong with an input; it decides the shape of the answer.</summary>
internal enum FaultKind
{
    /// <summary>A value its property doesn't take (reference/objects-and-batch.md 2.2, 2.3).</summary>
    InvalidValue,

    /// <summary>A create without a required property (reference/objects-and-batch.md 2.4).</summary>
    RequiredMissing,

    /// <summary>A unique value that another record has (reference/objects-and-batch.md 2.5).</summary>
    UniqueTaken,

    /// <summary>No such record (reference/objects-and-batch.md 4.9).</summary>
    NotFound,
}

/// <summary>One thing wrong with one input of a batch. Faults are collected, never thrown.</summary>
/// <param name="Index">Place of the input in the batch, from 0.</param>
/// <param name="Kind">What is wrong.</param>
/// <param name="Message">HubSpot's sentence for it.</param>
/// <param name="Code">HubSpot's code, for invalid values.</param>
/// <param name="Property">The property concerned, or the id of a missing record.</param>
/// <param name="Value">The refused value, shortened.</param>
/// <param name="Existing">The record that has the unique value.</param>
/// <param name="Near">The property that was probably meant.</param>
internal sealed record Fault(
    int Index, FaultKind Kind, string Message, string? Code = null, string? Property = null, string? Value = null, long? Existing = null, string? Near = null);
