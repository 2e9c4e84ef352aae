using System.Text;
using System.Text.Json;
using Docket.Http;
using Docket.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Docket.Changes;

/// <summary>Changes as server-sent events: the id is the sequence number, the name is the kind, the data is the JSON of an entry in a page.</summary>
internal sealed class EventStreamResponse(HttpResponse response, TimeProvider clock)
{
    /// <summary>Time between two comments. Proxies and load balancers close an idle connection after 30 seconds or more.</summary>
    static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    /// <summary>How long a client may read nothing. During that time, unsent data stays in memory, about 100 kB.</summary>
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public async Task StartAsync(CancellationToken cancellation)
    {
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no"; // nginx would buffer events
        response.HttpContext.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await CommentAsync(cancellation); // so that the client knows at once that it is connected
    }

    /// <summary>Waits, and sends comments while it does.</summary>
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

    /// <summary>Sends a change as fast as the client reads.</summary>
    /// <exception cref="TimeoutException">The client doesn't read.</exception>
    public async Task WriteAsync(PortalSchema schema, ChangeView view, Change change, CancellationToken cancellation)
    {
        var body = response.BodyWriter;
        Encoding.UTF8.GetBytes($"id: {change.Sequence}\nevent: {ChangeResponse.NameOf(change.Kind)}\ndata: ", body);
        using (var json = new Utf8JsonWriter(body, Wire.WriterOptions)) // on one line: JSON escapes line feeds
        {
            ChangeResponse.Write(json, schema, view, change);
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
