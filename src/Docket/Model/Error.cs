using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>Why a request is refused.</summary>
internal enum ErrorReason
{
    /// <summary>Its content.</summary>
    Request,

    /// <summary>The job that it continues has moved on or ended.</summary>
    JobMoved,

    /// <summary>The server lacks something: a file, disk space, or time.</summary>
    Server,
}

/// <summary>Why traces of a permanently deleted record remain in a file.</summary>
internal enum TracesReason
{
    /// <summary>Another program is reading the file.</summary>
    Read,

    /// <summary>The disk is full.</summary>
    NoSpace,

    /// <summary>The file is the search index, which has not reached the deletion.</summary>
    Behind,

    /// <summary>Rewriting the file failed.</summary>
    Failed,
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

    /// <summary>The limit that was reached; <c>null</c> for other reasons.</summary>
    public ReachedLimit? Limit { get; init; }

    /// <summary>HubSpot's code and that of RFC 6749, for errors in the OAuth flow (reference/auth-limits-webhooks-imports.md 1.5).</summary>
    public (string Status, string Error)? OAuth { get; init; }

    public ErrorReason Reason { get; init; }

    /// <summary>The start of <see cref="Message"/>, without the part that says that nothing was written.</summary>
    public string? What { get; init; }

    /// <summary>Why the store can't serve, in the word that <c>/readyz</c> uses; <c>null</c> for other reasons.</summary>
    public string? State { get; init; }

    /// <summary>Headers of the answer, such as <c>Allow</c>.</summary>
    public ImmutableArray<(string Name, string Value)> Headers { get; init; } = [];
}

/// <summary>Additional members of the envelope of a 429 (reference/auth-limits-webhooks-imports.md 2.4).</summary>
/// <param name="Policy">Such as <c>DAILY</c>.</param>
/// <param name="Group">What was counted; <c>null</c> if HubSpot doesn't report it.</param>
internal sealed record ReachedLimit(string Policy, string? Group);

/// <summary>One entry of an envelope's <c>errors</c>.</summary>
internal sealed record ErrorDetail(string Message, string? Code = null, string? SubCategory = null)
{
    public ImmutableArray<(string Key, ImmutableArray<string> Values)> Context { get; init; } = [];
}

/// <summary>One entry of a 207's <c>errors</c> (reference/objects-and-batch.md 1.6).</summary>
internal sealed record RowError(string? Category, string? SubCategory, string Message, ImmutableArray<(string Key, ImmutableArray<string> Values)> Context)
{
    /// <summary>The same as the answer to a request with one input.</summary>
    public Error ToError() => new(400, Message, Category, SubCategory) { Context = Context };
}

/// <summary>Thrown if a request can't be served; answered in one place, <c>Http/Refusals.cs</c>.</summary>
internal sealed class Refusal(Error error) : Exception(error.Message)
{
    public Error Error { get; } = error;
}
