namespace Docket.Conversations.Comparing;

/// <summary>An answer as it is compared: status, the headers that the file expects, media type and body.</summary>
internal sealed record Reply(int Status, string? MediaType, IReadOnlyList<(string Name, string Value)> Headers, string Body);

/// <summary>What is not the same in two answers: where, and what each side has there.</summary>
internal sealed record Difference(string Path, string Account, string Docket)
{
    /// <summary>Stands for a member that only the other side has.</summary>
    public const string Absent = "(absent)";
}

/// <summary>A request of the file with its result: the differences, or why it was not sent.</summary>
internal sealed record Compared(string Where, string Method, string Path, string? NotSent, IReadOnlyList<Difference> Differences);
