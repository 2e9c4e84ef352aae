using System.Security.Cryptography;
using System.Text;
using Docket.Http;
using Docket.Model;
using Docket.Stores;
using Docket.Writes;
using Microsoft.AspNetCore.Http;

namespace Docket.Objects;

/// <summary>
/// A request with the header <c>Idempotency-Key</c>, which can be retried. The first success is stored in the transaction of its write
/// and returned to later requests with the same key and content. The key is locked until this is disposed.
/// </summary>
internal sealed class IdempotentRequest : IAsyncDisposable
{
    public const string Header = "Idempotency-Key";

    /// <summary>Longest key, in characters.</summary>
    const int KeyMax = 255;

    readonly IAsyncDisposable held;
    readonly string key;
    readonly string source;
    readonly (StoredAnswer Answer, byte[] Request)? found;
    AnswerKey? name;
    StoredAnswer? answer;

    IdempotentRequest(IAsyncDisposable held, string source, string key, (StoredAnswer, byte[])? found)
    {
        this.held = held;
        this.source = source;
        this.key = key;
        this.found = found;
    }

    // The request is a retry, and RespondAsync returns the stored answer.
    bool IsRepeated { get; set; }

    /// <summary>
    /// Answers a write whose body is known, so that it is executed once if it has a key: writes and answers, or returns the stored answer of
    /// an earlier request with the same key.
    /// </summary>
    /// <param name="http">The request.</param>
    /// <param name="body">Its body.</param>
    /// <param name="keep">The answer to store with the write; <c>null</c> if it isn't a success.</param>
    /// <param name="write">Reads the request and writes, with a function that stores the answer.</param>
    /// <param name="respond">Sends an answer that isn't stored.</param>
    /// <exception cref="Refusal">See <see cref="HoldAsync"/> and <see cref="Identify"/>.</exception>
    public static async Task AnswerAsync(
        HttpContext http, ReadOnlyMemory<byte> body, Func<HttpContext, Outcome, StoredAnswer?> keep, Func<KeptAnswer?, Task<Outcome>> write,
        Func<HttpContext, Outcome, Task> respond)
    {
        await using var idempotent = await HoldAsync(http);
        idempotent?.Identify(http, SHA256.HashData(body.Span), later: false);
        if (idempotent is { IsRepeated: true })
        {
            await idempotent.RespondAsync(http);
            return;
        }

        var outcome = await write(idempotent?.Keep(http, keep));
        await (idempotent is { answer: not null } ? idempotent.RespondAsync(http) : respond(http, outcome));
    }

    /// <summary>The key of a request whose body has not been read yet: call <see cref="Identify"/> next. <c>null</c> if it has none.</summary>
    /// <exception cref="Refusal">400 for an invalid key, 409 while another request uses it.</exception>
    public static async ValueTask<IdempotentRequest?> HoldAsync(HttpContext http)
    {
        if (!http.Request.Headers.TryGetValue(Header, out var values))
        {
            return null;
        }

        var key = values.ToString();
        if (key.Length is 0 or > KeyMax)
        {
            throw new Refusal(Faults.BadIdempotencyKey(KeyMax));
        }

        var call = http.Call();
        var source = call.Caller.Source.Id;
        var held = await call.Store.Answers.HoldAsync(source, key) ?? throw new Refusal(Faults.IdempotencyKeyUnderWay(key));
        try
        {
            // After locking the key: its previous owner has stored its answer by now.
            return new IdempotentRequest(held, source, key, await call.Store.Answers.FindAsync(source, key));
        }
        catch
        {
            await held.DisposeAsync();
            throw;
        }
    }

    /// <summary>Whether this key was used before, possibly by a different request.</summary>
    public bool IsKnown => found is not null;

    /// <summary>Identifies the request: method, path with query, whether it is a job (<paramref name="later"/>), optional features, and body.</summary>
    /// <exception cref="Refusal">422: the key was used for a different request; 410: a ticket in its answer was permanently deleted.</exception>
    public void Identify(HttpContext http, byte[] bodyHash, bool later = true)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{http.Request.Method} {http.Request.Path}{http.Request.QueryString} {(later ? Prefer.RespondAsync : "")} {http.Call().Features}\n"));
        hash.AppendData(bodyHash);
        name = new(source, key, hash.GetHashAndReset());
        if (found is not { } before)
        {
            return;
        }

        if (!before.Request.AsSpan().SequenceEqual(name.Request))
        {
            throw new Refusal(Faults.IdempotencyKeyReused(key));
        }

        if (before.Answer.Status == StatusCodes.Status410Gone)
        {
            throw new Refusal(Faults.AnswerDeleted(key));
        }

        (IsRepeated, answer) = (true, before.Answer);
    }

    KeptAnswer Keep(HttpContext http, Func<HttpContext, Outcome, StoredAnswer?> of) => new(name!, outcome => answer = of(http, outcome));

    /// <summary>The same for a job.</summary>
    public (AnswerKey Key, Func<Job, StoredAnswer> Of) KeepJob(Func<Job, StoredAnswer> of) => (name!, job => answer = of(job));

    /// <summary>Releases the key, and sends the stored answer, byte for byte.</summary>
    public async Task RespondAsync(HttpContext http)
    {
        await DisposeAsync(); // before the answer, so that who has got it may ask again
        var (status, location, body, folded) = answer!;
        http.Response.StatusCode = status;
        if (IsRepeated)
        {
            http.Response.Headers["Idempotent-Replayed"] = "true";
        }

        if (location is not null)
        {
            http.Response.Headers.Location = location;
        }

        if (folded is not null)
        {
            http.Response.Headers[FeatureHeaders.Folded] = folded;
        }

        if (status == StatusCodes.Status202Accepted)
        {
            http.Response.Headers["Preference-Applied"] = Prefer.RespondAsync;
        }

        if (body.Length > 0)
        {
            http.Response.ContentType = Wire.ContentType;
            http.Response.ContentLength = body.Length;
            await http.Response.Body.WriteAsync(body, http.RequestAborted);
        }
    }

    public ValueTask DisposeAsync() => held.DisposeAsync();
}
