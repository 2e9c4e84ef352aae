using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>The kind of error of an input; it determines the format of the answer.</summary>
internal enum FaultKind
{
    /// <summary>An invalid value (reference/objects-and-batch.md 2.2, 2.3).</summary>
    InvalidValue,

    /// <summary>A create without a required property (reference/objects-and-batch.md 2.4).</summary>
    RequiredMissing,

    /// <summary>A unique value that another record already has (reference/objects-and-batch.md 2.5).</summary>
    UniqueTaken,

    /// <summary>A create whose primary unique value another record already has as its own (reference/objects-other-than-tickets.md 2.2).</summary>
    Exists,

    /// <summary>The record doesn't exist (reference/objects-and-batch.md 4.9).</summary>
    NotFound,

    /// <summary>An association that can't be made (reference/objects-other-than-tickets.md 8.3).</summary>
    Association,
}

/// <summary>One error of one input of a batch. Faults are collected, never thrown.</summary>
/// <param name="Index">Index of the input in the batch, from 0.</param>
/// <param name="Kind">The kind of error.</param>
/// <param name="Message">HubSpot's message for it.</param>
/// <param name="Code">HubSpot's code, for invalid values.</param>
/// <param name="Property">The affected property, or the id of a missing record.</param>
/// <param name="Value">The refused value, shortened.</param>
/// <param name="Record">The id of the record in the message: the input's, or the one that a new record would have had.</param>
/// <param name="Existing">The record that has the unique value.</param>
/// <param name="Near">The property that was probably meant.</param>
internal sealed record Fault(
    int Index, FaultKind Kind, string Message, string? Code = null, string? Property = null, string? Value = null, long? Record = null, long? Existing = null, string? Near = null)
{
    /// <summary>HubSpot's <c>context</c> of a fault of an association.</summary>
    public ImmutableArray<(string Key, ImmutableArray<string> Values)> Context { get; init; } = [];

    /// <summary>HubSpot's subcategory of it; <c>null</c> for none.</summary>
    public string? SubCategory { get; init; }

    /// <summary>A fault of an association, with what an error says of it.</summary>
    public static Fault OfAssociation(int index, Error error) => new(index, FaultKind.Association, error.Message) { Context = error.Context, SubCategory = error.SubCategory };
}
