using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace Docket.Changes;

/// <summary>The change feed: every committed change of the records that a token may read, in commit order, in pages or as a stream.</summary>
internal static class ChangeRoutes
{
    const int LimitDefault = 100, LimitMax = 1_000;

    /// <summary>Bytes of values after which a page ends early: a thousand changes can have a thousand long texts each.</summary>
    const int PageBytesMax = 4 * 1024 * 1024;

    /// <summary>The same for one read of a stream. A stream holds it in memory while its client doesn't read, and there may be many streams.</summary>
    const int StreamBytesMax = 64 * 1024;

    const string EventStream = "text/event-stream";

    /// <summary>Maps the feed. Streams end when <paramref name="stopping"/> is cancelled, so that the server can stop.</summary>
    public static void Map(IEndpointRouteBuilder routes, string prefix, CancellationToken stopping) =>
        routes.MapGet(prefix, http => FeedAsync(http, stopping)).NeedsAny(Right.Read)
            .Describe("listChanges", "Lists the portal's changes in commit order, or streams them as server-sent events", (
                [Description("Only changes after this sequence number.")] long after = 0,
                [Range(1, LimitMax)] int limit = LimitDefault,
                [Description("Only changes of records of this type.")] string? objectType = null,
                [Description("Only changes of this record, a ticket unless there is an objectType. Not supported for streams.")] long? objectId = null,
                [FromHeader(Name = "Last-Event-ID"), Description("Like after, to continue a stream.")] long? lastEventId = null) => default(PageAnswer<ChangeAnswer>)!)
            .WithMetadata(new OtherAnswer(EventStream, "Change"));

    static async Task FeedAsync(HttpContext http, CancellationToken stopping)
    {
        var after = http.QueryNumber("after") ?? 0;
        var limit = http.QueryLimit(LimitDefault, LimitMax);
        var objectId = http.QueryNumber("objectId");
        var streams = http.Request.Headers.Accept.ToString().Contains(EventStream, StringComparison.OrdinalIgnoreCase);
        if (streams && objectId is not null)
        {
            throw new Refusal(Faults.ObjectIdOfPage());
        }

        after = streams ? LastEventId(http.Request) ?? after : after;
        var view = View(http, objectId is not null);
        var store = http.Call().Store;
        http.Response.Headers["Docket-History"] = store.History;
        // A change is visible a moment before the sequence reaches it.
        if (store.Sequence is var newest && after > newest && (await store.FeedAsync(after - 1, 1, PageBytesMax, http.RequestAborted)).IsEmpty)
        {
            throw new Refusal(Faults.BeyondHistory(after, newest));
        }

        await (streams ? StreamAsync(http, view, after, stopping) : PageAsync(http, view, objectId, after, limit));
    }

    static ChangeView View(HttpContext http, bool ofRecord)
    {
        var call = http.Call();
        var spelling = http.Request.Query["objectType"].ToString();
        var only = spelling.Length > 0 ? call.Portal.Find(spelling) ?? throw new Refusal(Faults.UnknownObjectType(spelling)) : ofRecord ? call.Portal.First : null;
        return only is null || call.Caller.Scopes.Allow(only.Type.Scopes.Read) ? new(call.Caller.Scopes, only?.Type) : throw new Refusal(Faults.MissingScopes(only.Type.Scopes.Read));
    }

    static async Task PageAsync(HttpContext http, ChangeView view, long? objectId, long after, int limit)
    {
        var call = http.Call();
        var (changes, newest) = objectId is { } id
            ? await call.Store.FeedOfAsync(view.Only!, id, after, limit, http.RequestAborted)
            : (await call.Store.FeedAsync(after, limit, PageBytesMax, http.RequestAborted), call.Store.Sequence);
        var schema = call.Store.Schema; // the schema is read after the change, so it contains its properties
        NextPage? next = changes is [.., { } last] && last.Sequence < newest ? new(last.Sequence.ToString(CultureInfo.InvariantCulture)) : null;
        await Wire.RespondPageAsync(http.Response, changes.Where(change => view.Shows(schema, change)), next, (json, change) => ChangeResponse.Write(json, schema, view, change));
    }

    static async Task StreamAsync(HttpContext http, ChangeView view, long after, CancellationToken stopping)
    {
        var call = http.Call();
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, stopping);
        var events = new EventStreamResponse(http.Response, call.Clock);
        try
        {
            await events.StartAsync(ending.Token);
            while (!HttpMethods.IsHead(http.Request.Method))
            {
                await events.WaitAsync(call.Store.WaitBeyondAsync(after, ending.Token), ending.Token);
                foreach (var change in await call.Store.FeedAsync(after, LimitDefault, StreamBytesMax, ending.Token))
                {
                    if (call.Store.Schema is var schema && view.Shows(schema, change))
                    {
                        await events.WriteAsync(schema, view, change, ending.Token);
                    }

                    after = change.Sequence;
                }
            }
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // The client is gone, or the server is stopping. A client that returns sends its position.
        }
        catch (TimeoutException)
        {
            http.Abort(); // a client that doesn't read; when it returns, it continues where it was
        }
        catch (Refusal) when (http.Response.HasStarted)
        {
            http.Abort(); // the store can't serve now, and a stream can't report errors; the client reconnects
        }
    }

    static long? LastEventId(HttpRequest request)
    {
        var text = request.Headers["Last-Event-ID"].ToString();
        return text.Length == 0 ? null
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id
            : throw new Refusal(Faults.BadHeader("Last-Event-ID"));
    }
}
