using System.Collections.Immutable;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Objects;
using Docket.Stores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Record = Docket.Model.Record;

namespace Docket.Changes;

/// <summary>The timeline of a record: its changes, its associations as they began and ended, and its activities, newest first.</summary>
internal static class TimelineRoutes
{
    const int LimitDefault = 50, LimitMax = 100;

    /// <summary>What is shown of an activity, as far as its type has it, unless the request names properties.</summary>
    static readonly ImmutableArray<string> Shown =
    [
        "hs_timestamp", "hubspot_owner_id", "hs_body_preview",
        "hs_call_title", "hs_call_direction", "hs_call_status", "hs_call_disposition", "hs_call_duration",
        "hs_communication_channel_type", "hs_email_subject", "hs_email_direction", "hs_email_status",
        "hs_meeting_title", "hs_meeting_start_time", "hs_meeting_end_time", "hs_meeting_outcome",
        "hs_task_subject", "hs_task_status", "hs_task_priority", "hs_task_type",
    ];

    /// <summary>Maps the route below a prefix that contains <c>{objectType}</c>.</summary>
    public static void Map(IEndpointRouteBuilder routes, string prefix) =>
        routes.MapGet(prefix + "/{id}/timeline", PageAsync).Needs(Right.Read)
            .Describe("getTimeline", "Lists the changes of a record, its associations and its activities, newest first", (
                string objectType,
                long id,
                [Range(1, LimitMax)] int limit = LimitDefault,
                [Description("From the page before.")] string? after = null,
                [Description("The properties of activities, separated by commas.")] string? properties = null) => default(PageAnswer<TimelineAnswer>)!);

    static async Task PageAsync(HttpContext http)
    {
        var call = http.Call();
        var (after, limit, names) = (PlaceOf(http.Request), http.QueryLimit(LimitDefault, LimitMax), http.QueryNames("properties"));
        var id = long.TryParse((string)http.GetRouteValue("id")!, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1;
        var page = await call.Store.TimelineAsync(call.Type, id, after, limit, http.RequestAborted) ?? throw new Refusal(Faults.ResourceNotFound());
        var (schema, view) = (call.Store.Schema, new ChangeView(call.Caller.Scopes, call.Type)); // the schema is read after the changes, so it contains their properties
        var changes = page.Changes.Select(change => SeenFrom(schema, (call.Type.Number, id), change)).Where(change => view.Shows(schema, change)).ToList();
        var activities = await ActivitiesAsync(call, schema, changes, http.RequestAborted);
        var views = activities.Keys.Select(key => key.Type).Distinct().Select(type => schema.Find(type)!)
            .ToDictionary(type => type.Type.Number, type => (View: RecordView.For(call, type), Properties: ReadQuery.SetOf(type, type.ReadAlways, names.IsEmpty ? Shown : names)));
        NextPage? next = page.Next is { } place ? new($"{place.Before}-{place.Own}") : null;
        await Wire.RespondPageAsync(http.Response, changes, next, (json, change) => ChangeResponse.Write(
            json, schema, view, change, ActivityOf(schema, change) is { } key && activities.TryGetValue(key, out var activity) ? json => WriteActivity(json, key.Type, activity) : null));

        void WriteActivity(Utf8JsonWriter json, int type, Record activity)
        {
            var (shown, properties) = views[type];
            shown.Show(activity);
            json.WritePropertyName("activity");
            RecordResponse.WriteWritten(json, shown, call.Caller.PortalId, properties);
        }
    }

    // As they are now; without archived ones.
    static ValueTask<Dictionary<(int Type, long Id), Record>> ActivitiesAsync(Call call, PortalSchema schema, List<Change> changes, CancellationToken cancellation)
    {
        var wanted = changes.Select(change => ActivityOf(schema, change)).OfType<(int Type, long Id)>().Distinct().ToLookup(key => key.Type, key => key.Id);
        return wanted.Count == 0 ? new([]) : call.Store.ReadAsync(async snapshot =>
        {
            var found = new Dictionary<(int, long), Record>();
            foreach (var type in wanted)
            {
                ImmutableArray<long> ids = [.. type];
                var records = await snapshot.FindAsync(schema.Find(type.Key)!.Type, ids, archived: false);
                foreach (var (id, record) in ids.Zip(records).Where(each => each.Second is not null))
                {
                    found[(type.Key, id)] = record!;
                }
            }

            return found;
        }, cancellation);
    }

    static (int Type, long Id)? ActivityOf(PortalSchema schema, Change change) =>
        change is { Kind: ChangeKind.Associate, Tie: var (type, id, _) } && schema.Find(type)!.Type.IsActivity ? (type, id) : null;

    // A change of associations is stored once, as seen from one of the two records.
    static Change SeenFrom(PortalSchema schema, (int Type, long Id) record, Change change) =>
        change.Tie is not var (_, _, types) || (change.Type, change.RecordId) == record ? change : change with
        {
            Type = record.Type,
            RecordId = record.Id,
            Tie = (change.Type, change.RecordId, [.. types.Select(type => schema.Associations.InverseOf(type)).OfType<int>()]),
        };

    static TimelinePlace? PlaceOf(HttpRequest request)
    {
        var text = request.Query["after"].ToString();
        return text.Length == 0 ? null
            : text.Split('-') is [var before, var own] && long.TryParse(before, NumberStyles.None, CultureInfo.InvariantCulture, out var place) && long.TryParse(own, NumberStyles.None, CultureInfo.InvariantCulture, out var next)
                ? new(place, next)
            : throw new Refusal(Faults.BadParameter("after"));
    }
}

/// <summary>An entry of a timeline: a change, and the activity that it associated.</summary>
internal sealed record TimelineAnswer(
    long Sequence,
    string ObjectType,
    string ObjectId,
    [property: AllowedValues("create", "update", "archive", "restore", "merge", "mergedAway", "purge", "associate", "dissociate")] string Kind,
    DateTimeOffset OccurredAt,
    SourceAnswer Source,
    ChangedAnswer[] Changes,
    string? ObjectWriteTraceId = null,
    string[]? MergedObjectIds = null,
    string? MergedInto = null,
    AssociatedAnswer? Associated = null,
    [property: Description("The activity as it is now, if the change associated one that is not archived.")] RecordAnswer? Activity = null);
