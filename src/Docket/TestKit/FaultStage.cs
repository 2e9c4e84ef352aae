using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Writes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Docket.TestKit;

/// <summary>
/// Lets calls meet the faults of their portal, after the token was checked and before anything is done. Also keeps what is read of the
/// body, because it comes behind everything that decodes it. What a fault does to an answer is in <see cref="FaultedAnswer"/>.
/// </summary>
internal sealed class FaultStage(RequestDelegate next, TestedPortals tested, TimeProvider clock)
{
    public Task InvokeAsync(HttpContext http)
    {
        if (http.Features.Get<ObservedCall>() is not { } observed)
        {
            return next(http);
        }

        // An upload that becomes a job may have any size, and is read in pieces as they arrive.
        var uploads = http.GetEndpoint()?.Metadata.GetMetadata<TakesUploads>() is not null && Prefer.AsksAsync(http.Request);
        if (!uploads && http.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: false })
        {
            http.Request.Body = observed.Body = new KeptBody(http.Request.Body, ObservedCall.BodyMax);
        }

        var call = http.Features.Get<Call>();
        if (call is { Caller.Settings.Strict: true })
        {
            http.Features.Set(new UnreadMembers());
        }

        return call is not null && tested.FindFaults(call.Caller.PortalId) is { } faults && http.GetEndpoint()?.Metadata.GetMetadata<ApiVersion>() is not null
            ? MeetAsync(http, observed, call, faults)
            : next(http);
    }

    async Task MeetAsync(HttpContext http, ObservedCall observed, Call call, FaultRules faults)
    {
        var body = faults.ReadBodies && observed.Body is not null ? await ReadAsync(http) : null;
        var facts = new CallFacts(http.Request.Method, http.Request.Path.Value!, call.TypeName is null ? null : call.Type.Id, call.Caller.AppId, body);
        if (faults.Next(facts, call.Portal, call.Now) is not { } rule)
        {
            await next(http);
            return;
        }

        observed.Fault = rule;
        var answer = rule.Answer;
        if (answer.Delay is { } ms)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(ms), clock, http.RequestAborted);
        }

        if (answer.Cut == FaultEffect.Before)
        {
            return;
        }

        if (answer.Status is { } status)
        {
            await RefuseAsync(http, call, status, answer);
            return;
        }

        if (answer.FailRows is { } rows && body is { } batch && !FailRows(http, observed, call, batch, rows))
        {
            await BatchEnvelope.RespondAsync(http, StatusCodes.Status200OK, [], 0, (_, _) => { }); // no row is left
            return;
        }

        await next(http);
    }

    static Task RefuseAsync(HttpContext http, Call call, int status, FaultEffect answer)
    {
        var endpoint = http.GetEndpoint()!.Metadata;
        var search = endpoint.GetMetadata<Limits.CountsAsSearch>() is not null;
        return status switch
        {
            StatusCodes.Status401Unauthorized => throw new Refusal(Faults.TokenExpired(call.Now, call.Now)),
            StatusCodes.Status403Forbidden => throw new Refusal(Faults.MissingScopes(endpoint.GetMetadata<NeedsScope>()!.Of(call))),
            StatusCodes.Status409Conflict => throw new Refusal(Faults.InjectedConflict(call.Type)),
            StatusCodes.Status423Locked => throw new Refusal(Faults.InjectedLock()),
            StatusCodes.Status429TooManyRequests => throw new Refusal(Faults.LimitReached(
                LimitPolicies.Find(answer.PolicyName) ?? (search ? LimitPolicy.Secondly : LimitPolicy.TenSecondlyRolling), call.Caller, search ? 1_000 : 10_000)),
            477 => throw new Refusal(Faults.InjectedMigration()),
            StatusCodes.Status500InternalServerError => throw new Refusal(Faults.Internal()),
            _ => EdgePage.RespondAsync(http, status),
        };
    }

    /// <summary>The whole body, which the endpoint reads again; <c>null</c> if it isn't JSON or has no maximum size.</summary>
    static async Task<JsonElement?> ReadAsync(HttpContext http)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize is null)
        {
            return null; // an upload that becomes a job
        }

        var whole = new MemoryStream();
        try
        {
            await http.Request.Body.CopyToAsync(whole, http.RequestAborted);
        }
        catch (Exception failure) when (IncomingBodies.SendersFault(http, failure) is { } error)
        {
            throw new Refusal(error);
        }

        whole.Position = 0;
        http.Request.Body = whole;
        return CallFacts.Parse(whole.GetBuffer().AsMemory(0, (int)whole.Length));
    }

    /// <summary>Takes rows out of a batch, with the errors that they will have in its answer.</summary>
    /// <returns>Whether any row is left.</returns>
    static bool FailRows(HttpContext http, ObservedCall observed, Call call, JsonElement batch, int[] rows)
    {
        // Others have no answer for each row.
        var action = http.LastPathSegment();
        if (call.TypeName is null || action is not ("create" or "update" or "upsert" or "read") || batch.ValueKind != JsonValueKind.Object || !batch.TryGetProperty("inputs", out var inputs) || inputs.ValueKind != JsonValueKind.Array)
        {
            return true;
        }

        var failed = rows.Distinct().Where(row => row < inputs.GetArrayLength()).Order().ToList();
        observed.FailedRows = [.. failed.Select(row => (row, ErrorOf(call, action, inputs[row], row)))];
        var rest = new MemoryStream();
        using (var json = new Utf8JsonWriter(rest))
        {
            json.WriteStartObject();
            foreach (var member in batch.EnumerateObject())
            {
                json.WritePropertyName(member.Name);
                if (!member.NameEquals("inputs"))
                {
                    member.Value.WriteTo(json);
                    continue;
                }

                json.WriteStartArray();
                foreach (var (index, input) in inputs.EnumerateArray().Index())
                {
                    if (!failed.Contains(index))
                    {
                        input.WriteTo(json);
                    }
                }

                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        rest.Position = 0;
        http.Request.Body = rest;
        return failed.Count < inputs.GetArrayLength();
    }

    // What HubSpot says of such rows: that the record is gone, or of new values that a property doesn't exist (reference/objects-and-batch.md 1.6, 4.8).
    static RowError ErrorOf(Call call, string action, JsonElement input, int row)
    {
        var property = action is "create" or "upsert" && Member("properties") is { ValueKind: JsonValueKind.Object } values ? values.EnumerateObject().Select(value => value.Name).FirstOrDefault() : null;
        var fault = property is null ? Faults.NotFound(0, call.Type, Bytes("id").Span) : Faults.UnknownProperty(0, property);
        return FaultReport.Rows([fault], action == "read" ? [] : [new RecordInput { TraceId = Member("objectWriteTraceId") is null ? null : Bytes("objectWriteTraceId") }], call.Caller.PortalId, row)[0];

        JsonElement? Member(string name) => input.ValueKind == JsonValueKind.Object && input.TryGetProperty(name, out var member) ? member : null;

        ReadOnlyMemory<byte> Bytes(string name) => System.Text.Encoding.UTF8.GetBytes(Member(name)?.ToString() ?? "");
    }
}
