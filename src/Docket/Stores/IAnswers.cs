namespace Docket.Stores;

/// <summary>Names a request that may come again.</summary>
/// <param name="Source">The token that sent it.</param>
/// <param name="Key">What the client calls it.</param>
/// <param name="Request">Hash of all that makes it the same request.</param>
internal sealed record AnswerKey(string Source, string Key, byte[] Request);

/// <summary>An answer as it was given.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Location">The header of that name.</param>
/// <param name="Body">JSON, or nothing.</param>
/// <param name="Folded">The header <c>Docket-Folded</c>.</param>
internal sealed record StoredAnswer(int Status, string? Location, byte[] Body, string? Folded = null);

/// <summary>The answers a portal has kept for requests that come again.</summary>
internal interface IAnswers
{
    /// <summary>Makes a key the caller's own until the result is disposed; <c>null</c> while another request has it.</summary>
    IDisposable? Hold(string source, string key);

    /// <summary>The answer kept under a key, and the hash of the request it was given to.</summary>
    ValueTask<(StoredAnswer Answer, byte[] Request)?> FindAsync(string source, string key);
}
