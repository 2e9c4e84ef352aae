using System.Text;
using System.Text.Json;
using Docket.Http;
using Docket.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Docket.Changes;

/// <summary>Changes as server-sent events: the id is the sequence number, the name the kind, the data the JSON of a page's entry.</summary>
internal sealed class EventStreamResponse(HttpResponse response, TimeProvider clock)
{
    /// <summary>Between two signs of life. Proxies and load balancers give up on a quiet connection after 30 seconds and more.</summary>
    static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    /// <summary>How long a client may read nothing of what was sent. What is on its way is held in memory for so long, some 100 kB.</summary>
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public async Task StartAsync(CancellationToken cancellation)
    {
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no"; // nginx would keep events back until a buffer is full
        response.HttpContext.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await CommentAsync(cancellation); // so that the client knows at once that it is connected
    }

    /// <summary>Waits, and says now and then that it still does.</summary>
    /// <exception cref="TimeoutException">The client doesn't read.</exception>
    public async Task WaitAsync(Task awaited, CancellationToken cancellation)
    {
        while (!awaited.IsCompleted)
        {
            try
            {
                await awaited.WaitAsync(Heartbeat, clock, cancellation);
            }
            catch (TimeoutException)
            {
                await CommentAsync(cancellation);
            }
        }

        await awaited;
    }

    /// <summary>Sends a change, at the pace at which the client reads.</summary>
    /// <exception cref="TimeoutException">It doesn't.</exception>
    public async Task WriteAsync(PortalSchema schema, Change change, CancellationToken cancellation)
    {
        var body = response.BodyWriter;
        Encoding.UTF8.GetBytes($"id: {change.Sequence}\nevent: {ChangeResponse.NameOf(change.Kind)}\ndata: ", body);
        using (var json = new Utf8JsonWriter(body, Wire.WriterOptions)) // on one line: JSON escapes line feeds
        {
            ChangeResponse.Write(json, schema, change);
        }

        Encoding.UTF8.GetBytes("\n\n", body);
        await FlushAsync(cancellation);
    }

    async Task CommentAsync(CancellationToken cancellation)
    {
        Encoding.UTF8.GetBytes(":\n\n", response.BodyWriter);
        await FlushAsync(cancellation);
    }

    async Task FlushAsync(CancellationToken cancellation)
    {
        var flush = response.BodyWriter.FlushAsync(cancellation);
        if (flush.IsCompletedSuccessfully)
        {
            await flush;
        }
        else
        {
            await flush.AsTask().WaitAsync(Patience, clock, cancellation);
        }
    }
}
