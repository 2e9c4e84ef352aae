namespace Docket.Stores;

/// <summary>Identifies a request that may be repeated.</summary>
/// <param name="Source">The token of the request.</param>
/// <param name="Key">The client's idempotency key.</param>
/// <param name="Request">Hash of everything that makes it the same request.</param>
internal sealed record AnswerKey(string Source, string Key, byte[] Request);

/// <summary>An answer as it was sent.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Location">The header of that name.</param>
/// <param name="Body">JSON, or nothing.</param>
/// <param name="Folded">The header <c>Docket-Folded</c>.</param>
internal sealed record StoredAnswer(int Status, string? Location, byte[] Body, string? Folded = null);

/// <summary>The stored answers of a portal to requests that may be repeated.</summary>
internal interface IAnswers
{
    /// <summary>Reserves a key until the result is disposed, which may be twice; <c>null</c> while another request holds it, of this process or another. An answer is stored only for a key that is held.</summary>
    ValueTask<IAsyncDisposable?> HoldAsync(string source, string key);

    /// <summary>Finds the answer stored for a key, and the hash of its request.</summary>
    ValueTask<(StoredAnswer Answer, byte[] Request)?> FindAsync(string source, string key);
}
