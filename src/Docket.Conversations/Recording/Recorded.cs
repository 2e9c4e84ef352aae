namespace Docket.Conversations.Recording;

/// <summary>A request of a program and its answer, as they were.</summary>
/// <param name="Method">The method.</param>
/// <param name="Target">Path and query.</param>
/// <param name="Headers">The request's headers.</param>
/// <param name="Body">The request's body; empty if it had none.</param>
/// <param name="Status">The answer's status.</param>
/// <param name="Answer">The answer's body.</param>
internal sealed record Recorded(string Method, string Target, IReadOnlyList<(string Name, string Value)> Headers, string Body, int Status, string Answer);
