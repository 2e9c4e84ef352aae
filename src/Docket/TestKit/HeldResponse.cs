using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Docket.TestKit;

/// <summary>An answer that is held back: for the code that writes it, it has started as soon as some of it is written.</summary>
/// <param name="inner">The answer.</param>
/// <param name="held">What was written of its body.</param>
internal sealed class HeldResponse(IHttpResponseFeature inner, MemoryStream held) : IHttpResponseFeature
{
    public int StatusCode
    {
        get => inner.StatusCode;
        set => inner.StatusCode = value;
    }

    public string? ReasonPhrase
    {
        get => inner.ReasonPhrase;
        set => inner.ReasonPhrase = value;
    }

    public IHeaderDictionary Headers
    {
        get => inner.Headers;
        set => inner.Headers = value;
    }

    [Obsolete("Use IHttpResponseBodyFeature.")]
    public Stream Body
    {
        get => held;
        set => throw new NotSupportedException();
    }

    public bool HasStarted => inner.HasStarted || held.Length > 0;

    public void OnStarting(Func<object, Task> callback, object state) => inner.OnStarting(callback, state);

    public void OnCompleted(Func<object, Task> callback, object state) => inner.OnCompleted(callback, state);
}
