using System.Security.Cryptography;
using System.Text;
using Docket.Http;
using Docket.Model;
using Docket.Stores;
using Docket.Writes;
using Microsoft.AspNetCore.Http;

namespace Docket.Objects;

/// <summary>
/// A request that may be sent again: it has the header <c>Idempotency-Key</c>. The first success is kept in the
/// transaction of its write, and given to whoever comes later with the same key and request. Nobody else has the key
/// until this is disposed.
/// </summary>
internal sealed class IdempotentRequest : IDisposable
{
    public const string Header = "Idempotency-Key";

    /// <summary>Longest key, in characters.</summary>
    const int KeyMax = 255;

    readonly IDisposable held;
    readonly string key;
    readonly string source;
    readonly (StoredAnswer Answer, byte[] Request)? found;
    AnswerKey? name;
    StoredAnswer? answer;

    IdempotentRequest(IDisposable held, string source, string key, (StoredAnswer, byte[])? found)
    {
        this.held = held;
        this.source = source;
        this.key = key;
        this.found = found;
    }

    // The request came before, and RespondAsync gives the answer it got.
    bool IsRepeated { get; set; }

    /// <summary>
    /// Answers a write whose body is known, so that one with a key is done once: writes and answers, or gives the answer of the
    /// request that came before with the same key.
    /// </summary>
    /// <param name="http">The request.</param>
    /// <param name="body">Its body.</param>
    /// <param name="keep">The answer to keep with the write; <c>null</c> for what is no success.</param>
    /// <param name="write">Reads the request and writes, with what keeps the answer.</param>
    /// <param name="respond">Answers what is not kept.</param>
    /// <exception cref="Refusal">See <see cref="HoldAsync"/> and <see cref="Identify"/>.</exception>
    public static async Task AnswerAsync(
        HttpContext http, ReadOnlyMemory<byte> body, Func<HttpContext, Outcome, StoredAnswer?> keep, Func<KeptAnswer?, Task<Outcome>> write,
        Func<HttpContext, Outcome, Task> respond)
    {
        using var idempotent = await HoldAsync(http);
        idempotent?.Identify(http, SHA256.HashData(body.Span), later: false);
        if (idempotent is { IsRepeated: true })
        {
            await idempotent.RespondAsync(http);
            return;
        }

        var outcome = await write(idempotent?.Keep(http, keep));
        await (idempotent is { answer: not null } ? idempotent.RespondAsync(http) : respond(http, outcome));
    }

    /// <summary>The key of a request whose body is yet to be read: <see cref="Identify"/> has to follow. <c>null</c> when it has none.</summary>
    /// <exception cref="Refusal">400 for what can't be a key, 409 while another request has it.</exception>
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
        var held = call.Store.Answers.Hold(source, key) ?? throw new Refusal(Faults.IdempotencyKeyUnderWay(key));
        try
        {
            // After the key is held: whoever had it before has kept his answer by now.
            return new IdempotentRequest(held, source, key, await call.Store.Answers.FindAsync(source, key));
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Whether something was done under this key before. The request can still be another one.</summary>
    public bool IsKnown => found is not null;

    /// <summary>Says which request it is: method, path with query, whether it is worked on <paramref name="later"/>, helps, and body.</summary>
    /// <exception cref="Refusal">422: the key was used for another one; 410: what its answer told of was deleted for good.</exception>
    public void Identify(HttpContext http, byte[] bodyHash, bool later = true)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{http.Request.Method} {http.Request.Path}{http.Request.QueryString} {(later ? Prefer.RespondAsync : "")} {http.Call().Helps}\n"));
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

    /// <summary>Gives the answer, byte for byte as it was given first.</summary>
    public async Task RespondAsync(HttpContext http)
    {
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
            http.Response.Headers[HelpHeaders.Folded] = folded;
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

    public void Dispose() => held.Dispose();
}
