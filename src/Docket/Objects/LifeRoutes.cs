using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text;
using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Stores;
using Docket.Writes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace Docket.Objects;

/// <summary>Operations on a whole ticket: merge, restore and permanent deletion.</summary>
internal static class LifeRoutes
{
    /// <summary>How often a deletion by key looks for tickets that got the key in the meantime: it doesn't wait for a client that keeps creating them.</summary>
    const int LooksMax = 3;

    /// <summary>Maps the endpoints that only Docket has, below a prefix that contains <c>{objectType}</c>.</summary>
    public static void Map(IEndpointRouteBuilder routes, string prefix) =>
        routes.MapPost(prefix + "/{id}/restore", RestoreAsync).Needs(Right.Write)
            .Describe("restoreRecord", "Restores an archived record", (
                string objectType,
                long id,
                [FromHeader(Name = IdempotentRequest.Header), Description("A retry with the same key gets the first answer.")] string? idempotencyKey = null,
                [Description("Properties to change with it, such as a stage that no longer exists or a key that another record has.")] RestoreBody changes = null!) => default(RecordAnswer)!);

    /// <summary>Maps permanent deletion. HubSpot has it for some types only, by version (reference/objects-other-than-tickets.md 1.1 [decide]).</summary>
    public static void MapGdprDelete(IEndpointRouteBuilder routes, string prefix) =>
        routes.MapPost(prefix + "/gdpr-delete", GdprDeleteAsync).Needs(Right.Write)
            .Describe("purgeRecord", "Permanently deletes a record", (string objectType, GdprDeleteRequest record) => { }, StatusCodes.Status204NoContent);

    public static async Task MergeAsync(HttpContext http)
    {
        var call = http.Call();
        using var body = await RequestBody.ReadAsync(http);
        await IdempotentRequest.AnswerAsync(http, body.Memory, static (http, outcome) => ToStored(http, outcome, WriteMerged), async keep =>
        {
            var request = MergeRequest.Read(body);
            string[] ids = [request.PrimaryObjectId!, request.ObjectIdToMerge!];
            var outcome = await call.Store.ApplyAsync(Validation.Check(WriteKind.Merge, [.. ids.Select(ById)], call.Schema, call.Caller), keep);
            if (outcome.Faults.Find(fault => fault.Kind == FaultKind.NotFound) is { } missing)
            {
                throw ids[missing.Index].All(char.IsAsciiDigit) ? new Refusal(Faults.MergeNotFound(ids[missing.Index])) : ObjectRoutes.NotFound(ids[missing.Index], "");
            }

            return outcome;
        }, static (http, outcome) => Wire.RespondAsync(http.Response, StatusCodes.Status200OK, (http.Call(), outcome), WriteMerged));
    }

    static async Task RestoreAsync(HttpContext http)
    {
        var call = http.Call();
        var id = http.LastPathSegment(before: 1);
        // The body is optional: it is only needed to replace a stage that no longer exists, or a key that another ticket has.
        using var body = http.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false } ? null : await RequestBody.ReadAsync(http);
        await IdempotentRequest.AnswerAsync(http, body?.Memory ?? default, static (http, outcome) => ToStored(http, outcome, WriteRestored), async keep =>
        {
            var input = body is null ? new RecordInput() : BatchReader.ReadSingle(body, WriteKind.Restore);
            input.Id = Encoding.UTF8.GetBytes(id);
            var outcome = await ObjectRoutes.ApplyToOneAsync(call, WriteKind.Restore, input, keep) ?? throw ObjectRoutes.NotFound(id, "");
            ObjectRoutes.RefuseFaults(call, outcome);
            return outcome;
        }, static (http, outcome) => Wire.RespondAsync(http.Response, StatusCodes.Status200OK, (http.Call(), outcome), WriteRestored));
    }

    static async Task GdprDeleteAsync(HttpContext http)
    {
        var call = http.Call();
        var request = await GdprDeleteRequest.ReadAsync(http);
        if (ObjectRoutes.FindKey(call, call.Schema, request.IdProperty ?? "") is not { } key || request.ObjectId is "")
        {
            await PurgeAsync(call, [ById(request.ObjectId!)]);
        }
        else if (Validation.NormaliseKey(call.Schema, key, Encoding.UTF8.GetBytes(request.ObjectId!)) is { IsEmpty: false } value)
        {
            // Archived tickets hold no unique values, but their values must be deleted too. Whether a ticket still has the value is checked with the
            // deletion, because another one may have got it since the lookup.
            var ids = await call.Store.FindHoldersAsync(call.Type, key, value, CancellationToken.None);
            var look = 0;
            do
            {
                // None left may mean that an earlier deletion left traces to remove. A delete of an unknown id removes them.
                foreach (var part in ids.IsEmpty ? [[0L]] : ids.Chunk(Validation.InputsMax))
                {
                    await PurgeAsync(call, [.. part.Select(id => new RecordInput { Id = Encoding.UTF8.GetBytes(id.ToString()), Holding = new(key, value) })]);
                }
            }
            while (++look < LooksMax && (ids = await call.Store.FindHoldersAsync(call.Type, key, value, CancellationToken.None)) is not []);
        }

        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    static Task PurgeAsync(Call call, RecordInput[] inputs) =>
        call.Store.ApplyAsync(Validation.Check(WriteKind.Purge, inputs, call.Schema, call.Caller));

    static RecordInput ById(string id) => new() { Id = Encoding.UTF8.GetBytes(id) };

    static StoredAnswer? ToStored(HttpContext http, Outcome outcome, Action<Utf8JsonWriter, (Call, Outcome)> write) =>
        outcome.Faults.Count > 0 ? null : new(StatusCodes.Status200OK, null, Wire.ToBytes((http.Call(), outcome), write));

    static void WriteMerged(Utf8JsonWriter json, (Call Call, Outcome Outcome) answer) =>
        RecordResponse.WriteWritten(json, Show(answer.Call, answer.Outcome), answer.Call.Caller.PortalId, answer.Outcome.Batch.Schema.AfterMerge);

    static void WriteRestored(Utf8JsonWriter json, (Call Call, Outcome Outcome) answer) =>
        RecordResponse.WriteRead(json, Show(answer.Call, answer.Outcome), answer.Call.Caller.PortalId, answer.Outcome.Batch.Schema.ReadDefault, []);

    static RecordView Show(Call call, Outcome outcome)
    {
        var view = RecordView.For(call, outcome.Batch.Schema);
        view.Show(outcome.Results[0].Record!);
        return view;
    }
}

/// <summary>The body of a restore, read by <see cref="BatchReader.ReadSingle"/>.</summary>
internal sealed record RestoreBody(Dictionary<string, string>? Properties = null);

/// <summary>The body of a merge (reference/objects-and-batch.md 4.11).</summary>
internal sealed record MergeRequest
{
    static readonly JsonShape<MergeRequest> Shape = new(
        null,
        ["primaryObjectId", "objectIdToMerge"],
        ("primaryObjectId", (request, ref json) => request.PrimaryObjectId = json.Text()),
        ("objectIdToMerge", (request, ref json) => request.ObjectIdToMerge = json.Text()));

    public string? PrimaryObjectId { get; set; }

    public string? ObjectIdToMerge { get; set; }

    /// <summary>Reads and checks the body.</summary>
    /// <exception cref="Refusal">400.</exception>
    public static MergeRequest Read(RequestBody body) => JsonCursor.Read(body, Shape.Read);
}

/// <summary>The body of a permanent deletion (reference/objects-and-batch.md 4.12).</summary>
internal sealed record GdprDeleteRequest
{
    static readonly JsonShape<GdprDeleteRequest> Shape = new(
        null,
        ["objectId"],
        ("objectId", (request, ref json) => request.ObjectId = json.Text()),
        ("idProperty", (request, ref json) => request.IdProperty = json.Text()));

    [Required]
    public string? ObjectId { get; set; }

    [Description("The unique property of which objectId is a value. Without it, objectId is the record id.")]
    public string? IdProperty { get; set; }

    /// <summary>Reads and checks the body.</summary>
    /// <exception cref="Refusal">400.</exception>
    public static Task<GdprDeleteRequest> ReadAsync(HttpContext http) => RequestBody.ReadJsonAsync(http, Shape.Read);
}
