using System.Collections.Immutable;

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

/// <summary>
/// An answer other than success for a whole request, in HubSpot's envelope (reference/objects-and-batch.md 3.1).
/// <c>Http/Refusals.cs</c> writes it.
/// </summary>
internal sealed record Error(int Status, string Message, string? Category = null, string? SubCategory = null)
{
    public ImmutableArray<ErrorDetail> Errors { get; init; } = [];

    public ImmutableArray<(string Key, ImmutableArray<string> Values)> Context { get; init; } = [];

    public ImmutableArray<(string Key, string Value)> Links { get; init; } = [];

    /// <summary>The limit that was reached; <c>null</c> when it is about something else.</summary>
    public ReachedLimit? Limit { get; init; }

    /// <summary>HubSpot's code and that of RFC 6749, for errors in the OAuth flow (reference/auth-limits-webhooks-imports.md 1.5).</summary>
    public (string Status, string Error)? OAuth { get; init; }

    /// <summary>What keeps the store from serving, in the word that <c>/readyz</c> has for it; <c>null</c> when it is about something else.</summary>
    public string? State { get; init; }

    /// <summary>Response headers that belong to the answer, such as <c>Allow</c>.</summary>
    public ImmutableArray<(string Name, string Value)> Headers { get; init; } = [];
}

/// <summary>What the envelope of a 429 has besides (reference/auth-limits-webhooks-imports.md 2.4).</summary>
/// <param name="Policy">Such as <c>DAILY</c>.</param>
/// <param name="Group">What was counted; <c>null</c> where HubSpot doesn't tell.</param>
internal sealed record ReachedLimit(string Policy, string? Group);

/// <summary>One entry of an envelope's <c>errors</c>.</summary>
internal sealed record ErrorDetail(string Message, string? Code = null, string? SubCategory = null)
{
    public ImmutableArray<(string Key, ImmutableArray<string> Values)> Context { get; init; } = [];
}

/// <summary>One entry of a 207's <c>errors</c> (reference/objects-and-batch.md 1.6).</summary>
internal sealed record RowError(string? Category, string? SubCategory, string Message, ImmutableArray<(string Key, ImmutableArray<string> Values)> Context);

/// <summary>Thrown where a request can't be served; answered in one place, <c>Http/Refusals.cs</c>.</summary>
internal sealed class Refusal(Error error) : Exception(error.Message)
{
    public Error Error { get; } = error;
}
