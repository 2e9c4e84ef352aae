namespace Docket.Testing;

/// <summary>Which calls are meant. What is not set matches every call.</summary>
public sealed record CallMatch
{
    /// <summary>The method, such as <c>POST</c>.</summary>
    public string? Method { get; init; }

    /// <summary>The path without the query; <c>*</c> is any text without a slash, <c>**</c> any text.</summary>
    public string? Path { get; init; }

    /// <summary>Any name of the object type in the path, such as <c>tickets</c>.</summary>
    public string? ObjectType { get; init; }

    /// <summary>The status of the answer; only in the log.</summary>
    public int? Status { get; init; }

    /// <summary>Whether a limit of HubSpot's would have refused the call; only in the log.</summary>
    public bool? BeyondLimit { get; init; }

    /// <summary>The call with this number among those that match; only for faults.</summary>
    public int? Call { get; init; }

    /// <summary>The share of the calls that match, such as <c>0.1</c>; only for faults.</summary>
    public double? Probability { get; init; }

    /// <summary>The same seed chooses the same calls by their order; with <see cref="Probability"/>.</summary>
    public int? Seed { get; init; }

    /// <summary>Members of the body with their values, such as <c>properties.subject</c>; of an array, any entry counts.</summary>
    public IReadOnlyDictionary<string, string>? Body { get; init; }
}
