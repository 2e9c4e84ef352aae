using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>Why a request can't be served.</summary>
internal enum ErrorReason
{
    /// <summary>What it asks for.</summary>
    Request,

    /// <summary>The job that it continues has gone on or has ended.</summary>
    JobMoved,

    /// <summary>What the server needs is not there: a file, room on the disk, time to go on.</summary>
    Server,
}

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

    public ErrorReason Reason { get; init; }

    /// <summary>The beginning of <see cref="Message"/>, where that goes on to say that nothing was written.</summary>
    public string? What { get; init; }

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
