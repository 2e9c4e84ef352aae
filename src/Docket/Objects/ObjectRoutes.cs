using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Stores;
using Docket.Writes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Objects;

/// <summary>The endpoints of records. Each calls the stages in order and leaves the work to them.</summary>
internal static class ObjectRoutes
{
    const OptionalFeatures ReadFeatures = OptionalFeatures.AllProperties | OptionalFeatures.Labels, WriteFeatures = OptionalFeatures.DryRun | OptionalFeatures.Labels, BatchFeatures = WriteFeatures | OptionalFeatures.Associations | OptionalFeatures.RowOutcomes | OptionalFeatures.Shuffle;

    /// <summary>Maps the endpoints below a prefix that contains <c>{objectType}</c>. Batches for jobs go to <paramref name="writeLaterAsync"/>.</summary>
    public static void Map(IEndpointRouteBuilder routes, string prefix, Func<HttpContext, WriteKind, Task> writeLaterAsync)
    {
        MapReads(routes, prefix);
        var objects = routes.MapGroup(prefix);
        objects.MapPost("", CreateAsync).Needs(Right.Write).Takes(WriteFeatures);
        objects.MapPost("batch/create", http => Batch(http, WriteKind.Create)).WithMetadata(new TakesUploads()).Needs(Right.Write).Takes(BatchFeatures);
        objects.MapPost("batch/update", http => Batch(http, WriteKind.Update)).WithMetadata(new TakesUploads()).Needs(Right.Write).Takes(BatchFeatures | OptionalFeatures.FoldDuplicates);
        objects.MapPost("batch/upsert", http => Batch(http, WriteKind.Upsert)).WithMetadata(new TakesUploads()).Needs(Right.Write).Takes(BatchFeatures | OptionalFeatures.FoldDuplicates);
        objects.MapPost("batch/archive", ArchiveBatchAsync).Needs(Right.Write).Takes(OptionalFeatures.DryRun);
        objects.MapPost("batch/read", ReadBatchAsync).Needs(Right.Read).Takes(ReadFeatures | OptionalFeatures.Shuffle);
        objects.MapPost("merge", LifeRoutes.MergeAsync).Needs(Right.Write);
        objects.MapPatch("{id}", UpdateAsync).Needs(Right.Write).Takes(WriteFeatures);
        objects.MapDelete("{id}", ArchiveAsync).Needs(Right.Write).Takes(OptionalFeatures.DryRun);

        Task Batch(HttpContext http, WriteKind kind) => Prefer.AsksAsync(http.Request) ? writeLaterAsync(http, kind) : WriteBatchAsync(http, kind);
    }

    /// <summary>Maps the list and the single read below a prefix that contains <c>{objectType}</c>.</summary>
    public static void MapReads(IEndpointRouteBuilder routes, string prefix)
    {
        var objects = routes.MapGroup(prefix);
        objects.MapGet("", ListAsync).Needs(Right.Read).Takes(ReadFeatures);
        objects.MapGet("{id}", ReadAsync).Needs(Right.Read).Takes(ReadFeatures);
    }

    static async Task WriteBatchAsync(HttpContext http, WriteKind kind)
    {
        var call = http.Call();
        using var body = await RequestBody.ReadAsync(http);
        await IdempotentRequest.AnswerAsync(http, body.Memory, BatchResponse.ToStored, keep =>
        {
            var inputs = BatchReader.ReadBatch(body, kind, call.Features, equalOnce: kind == WriteKind.Create && call.Type.CreatesEqualOnce);
            return kind == WriteKind.Create ? ApplyCreateAsync(http, inputs, keep) : ApplyAsync(call, kind, inputs, keep);
        }, BatchResponse.WriteAsync);
    }

    // A client that disconnects doesn't cancel the write: it may already share a transaction with others.
    static Task<Outcome> ApplyAsync(Call call, WriteKind kind, RecordInput[] inputs, SideWrite? keep) =>
        call.Store.ApplyAsync(Validation.Check(kind, inputs, call.Schema, call.Caller, call.Features), keep);

    /// <summary>Creates records.</summary>
    public static Task<Outcome> ApplyCreateAsync(HttpContext http, RecordInput[] inputs, SideWrite? keep = null) => ApplyAsync(http.Call(), WriteKind.Create, inputs, keep);

    static async Task ArchiveBatchAsync(HttpContext http)
    {
        var call = http.Call();
        using var body = await RequestBody.ReadAsync(http);
        await IdempotentRequest.AnswerAsync(http, body.Memory, static (_, _) => new(StatusCodes.Status204NoContent, null, []), keep =>
        {
            var inputs = BatchReader.ReadBatch(body, WriteKind.Archive);
            return call.Store.ApplyAsync(Validation.Check(WriteKind.Archive, inputs, call.Schema, call.Caller, call.Features), keep);
        }, static (http, _) =>
        {
            http.Response.StatusCode = StatusCodes.Status204NoContent;
            return Task.CompletedTask;
        });
    }

    static async Task CreateAsync(HttpContext http)
    {
        var call = http.Call();
        using var body = await RequestBody.ReadAsync(http);
        await IdempotentRequest.AnswerAsync(http, body.Memory, CreatedToStored, async keep =>
        {
            var input = BatchReader.ReadSingle(body, WriteKind.Create);
            var outcome = await ApplyCreateAsync(http, [input], keep);
            RefuseFaults(call, outcome);
            return outcome;
        }, static (http, outcome) =>
        {
            if (!outcome.Batch.DryRun)
            {
                Wire.SetLocation(http, outcome.Results[0].Record!.Id.ToString());
            }

            return RespondWrittenAsync(http, outcome, StatusCodes.Status201Created);
        });
    }

    static async Task UpdateAsync(HttpContext http)
    {
        var call = http.Call();
        var id = http.LastPathSegment();
        var idProperty = http.Request.Query["idProperty"].ToString();
        using var body = await RequestBody.ReadAsync(http);
        await IdempotentRequest.AnswerAsync(http, body.Memory, UpdatedToStored, async keep =>
        {
            var input = BatchReader.ReadSingle(body, WriteKind.Update);
            if (input.Values.Length == 0)
            {
                throw new Refusal(Faults.NothingToUpdate());
            }

            input.Id = Encoding.UTF8.GetBytes(id);
            if (idProperty.Length > 0)
            {
                input.IdProperty = Encoding.UTF8.GetBytes(idProperty);
            }

            var outcome = await ApplyToOneAsync(call, WriteKind.Update, input, keep) ?? throw NotFound(id, idProperty);
            RefuseFaults(call, outcome);
            return outcome;
        }, static (http, outcome) => RespondWrittenAsync(http, outcome, StatusCodes.Status200OK));
    }

    /// <summary>Archives the record whose id ends the path; does nothing if there is none.</summary>
    public static async Task ArchiveAsync(HttpContext http)
    {
        var call = http.Call();
        var input = new RecordInput { Id = Encoding.UTF8.GetBytes(http.LastPathSegment()) };
        await call.Store.ApplyAsync(Validation.Check(WriteKind.Archive, [input], call.Schema, call.Caller, call.Features));
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    static async Task ReadAsync(HttpContext http)
    {
        var (call, schema) = (http.Call(), http.Call().Schema);
        var query = ReadQuery.Of(http, schema);
        var id = http.LastPathSegment();
        var idProperty = http.Request.Query["idProperty"].ToString();
        var key = FindKey(call, schema, idProperty);
        var view = RecordView.For(call, schema, query.AsOf);
        var record = query.AsOf is { } time ? await FindAsOfAsync(call, key, id, query.Archived, time, http.RequestAborted) ?? throw NotFound(id, idProperty)
            : query.History is null ? await FindAsync(call, key, id, query.Archived, http.RequestAborted) // a single lookup needs no snapshot
            : null;
        ImmutableArray<(Property, ImmutableArray<HistoryEntry>)> history = [];
        if (query.History is { } asked)
        {
            (record, history) = await call.Store.ReadAsync(async snapshot => (record ?? (await FindAsync(snapshot, call, key, [id], query.Archived))[0]) is { } found
                ? (found, (await PropertyHistory.ReadAsync(snapshot, view, [found], asked))[0]) : default, http.RequestAborted);
        }

        view.Show(record ?? throw NotFound(id, idProperty));
        await RespondReadAsync(http, view, query.Properties, history, TieTargets.Of(http), query.AsOf);
    }

    /// <summary>Answers with a record and the records that it is associated with.</summary>
    public static async Task RespondReadAsync(
        HttpContext http, RecordView view, PropertySet set, ImmutableArray<(Property, ImmutableArray<HistoryEntry>)> history, ImmutableArray<TieTargets> targets, long? asOf = null)
    {
        asOf ??= http.Call().TiesAsOf;
        var ties = targets.IsEmpty ? [] : await http.Call().Store.ReadAsync(
            snapshot => ReadTiesAsync(snapshot, view.Schema.Type, [view.Record.Id], targets, asOf), http.RequestAborted, isLong: asOf is not null);
        await Wire.RespondAsync(http.Response, StatusCodes.Status200OK, (http, view, set, history, ties), static (json, answer) => RecordResponse.WriteRead(
            json, answer.view, answer.http.Call().Caller.PortalId, answer.set, answer.history, WriteTies(answer.http.Request, answer.view, answer.ties, 0)));
    }

    static async Task ListAsync(HttpContext http)
    {
        var (call, schema) = (http.Call(), http.Call().Schema);
        var query = ReadQuery.Of(http, schema);
        var limit = query.Limit(http);
        if (query.AsOf is not null)
        {
            throw new Refusal(Faults.AsOfOfOne());
        }

        var targets = TieTargets.Of(http);
        var from = http.QueryNumber("after") ?? 0;
        var (page, next, ties) = await call.Store.ReadAsync(async snapshot =>
        {
            // One more than the page shows whether there is a next page, and where it starts.
            var records = await snapshot.ListAsync(call.Type, from, limit + 1, query.Archived);
            var page = await AddHistoryAsync(snapshot, RecordView.For(call, schema), query.History, [.. records.Take(limit)]);
            var ties = await ReadTiesAsync(snapshot, schema.Type, [.. page.Select(entry => entry.Record.Id)], targets, call.TiesAsOf);
            return (page, records.Length > limit ? records[limit].Id : (long?)null, ties);
        }, http.RequestAborted);
        var view = RecordView.For(call, schema);
        await Wire.RespondPageAsync(http.Response, page.Index(), Wire.LinkTo(http.Request, next), (json, entry) =>
        {
            view.Show(entry.Item.Record);
            RecordResponse.WriteRead(json, view, call.Caller.PortalId, query.Properties, entry.Item.History, WriteTies(http.Request, view, ties, entry.Index));
        });
    }

    static async Task ReadBatchAsync(HttpContext http)
    {
        var (call, schema) = (http.Call(), http.Call().Schema);
        var request = await BatchReadRequest.ReadAsync(http);
        var key = FindKey(call, schema, request.IdProperty ?? "");
        var archived = http.QueryFlag("archived");
        // Unlike in lists, properties with history are not repeated among the properties (reference/objects-and-batch.md 4.8).
        var set = ReadQuery.SetOf(schema, request.Properties.Count > 0 ? schema.ReadAlways : schema.ReadDefault, request.Properties, call.Features);
        PropertySet? history = request.PropertiesWithHistory.Count > 0 ? ReadQuery.SetOf(schema, new PropertySet(schema), request.PropertiesWithHistory) : null;
        var missing = new List<Fault>();
        string[] asked = [.. request.Ids!.Distinct(StringComparer.Ordinal)];
        var page = await call.Store.ReadAsync(async snapshot =>
        {
            var found = new List<Record>();
            var ids = new HashSet<long>();
            foreach (var (index, each) in (await FindAsync(snapshot, call, key, asked, archived)).Index())
            {
                if (each is not { } record)
                {
                    missing.Add(Faults.NotFound(index, call.Type, Encoding.UTF8.GetBytes(asked[index])));
                }
                else if (ids.Add(record.Id)) // two ids of a merged record are one record
                {
                    found.Add(record);
                }
            }

            return await AddHistoryAsync(
                snapshot, RecordView.For(call, schema), history, call.ResultOrder(found.Count) is { } order ? [.. order.Select(at => found[at])] : [.. found]);
        }, http.RequestAborted);
        var errors = FaultReport.Rows(missing, [], call.Caller.PortalId);
        await BatchEnvelope.RespondAsync(http, StatusCodes.Status200OK, errors, (page, write: WriteRecord(call, schema, set)), static (json, answer) =>
        {
            foreach (var found in answer.page)
            {
                answer.write(json, found);
            }
        });
    }

    // ---- shared

    public static Property? FindKey(Call call, Schema schema, string idProperty)
    {
        // For reads, the record id under its own name is a key, unlike for writes (reference/objects-and-batch.md 4.8).
        if (idProperty is "" or "hs_object_id")
        {
            return null;
        }

        var key = schema.Find(idProperty)
            ?? throw new Refusal(FaultReport.Whole([Faults.UnknownProperty(0, idProperty)], [new()], call.Caller.PortalId));
        return key.Unique ? key : throw new Refusal(Faults.NonUniqueIdProperty(call.Type, idProperty, call.Caller.PortalId));
    }

    static ValueTask<Record?> FindAsync(Call call, Property? key, string id, bool archived, CancellationToken cancellation)
    {
        if (key is null)
        {
            return Record.ParseId(Encoding.UTF8.GetBytes(id)) is { } number ? call.Store.FindAsync(call.Type, number, archived, cancellation) : default;
        }

        return !archived && Validation.NormaliseKey(call.Schema, key, Encoding.UTF8.GetBytes(id)) is { } value ? call.Store.FindAsync(key, value, cancellation) : default;
    }

    static ValueTask<ImmutableArray<Record?>> FindAsync(ISnapshot snapshot, Call call, Property? key, IReadOnlyCollection<string> ids, bool archived)
    {
        if (key is null)
        {
            const long Nobody = -1;
            return snapshot.FindAsync(call.Type, [.. ids.Select(id => Record.ParseId(Encoding.UTF8.GetBytes(id)) ?? Nobody)], archived);
        }

        // Archived records hold no unique values. A key is looked up in its stored form.
        return archived ? new([.. ids.Select(_ => (Record?)null)])
            : snapshot.FindAsync(key, [.. ids.Select(id => Validation.NormaliseKey(call.Schema, key, Encoding.UTF8.GetBytes(id)) ?? default)]);
    }

    // A past state: found by where its id leads now, then read as of that time.
    static async ValueTask<Record?> FindAsOfAsync(Call call, Property? key, string id, bool archived, long time, CancellationToken cancellation)
    {
        var number = key is null ? Record.ParseId(Encoding.UTF8.GetBytes(id)) : (await FindAsync(call, key, id, archived: false, cancellation))?.Id;
        return number is { } found && await call.Store.FindAsOfAsync(call.Type, found, time, cancellation) is { } record
            && record.ArchivedAt is not null == archived ? record : null;
    }

    /// <summary>Applies a write to the record of an input; <c>null</c> if there is none. The id of a merged record leads to the new one, as in reads.</summary>
    public static async Task<Outcome?> ApplyToOneAsync(Call call, WriteKind kind, RecordInput input, SideWrite? note = null)
    {
        input.FollowsMerges = true; // resolved with the write: after an earlier lookup it may lead elsewhere
        var outcome = await call.Store.ApplyAsync(Validation.Check(kind, [input], call.Schema, call.Caller, call.Features), note);
        return outcome.Faults.Exists(fault => fault.Kind == FaultKind.NotFound) ? null : outcome;
    }

    public static Refusal NotFound(string id, string idProperty) =>
        new(idProperty.Length > 0 || id.All(char.IsAsciiDigit) ? Faults.ResourceNotFound() : Faults.IdNotNumeric(id));

    public static void RefuseFaults(Call call, Outcome outcome)
    {
        if (outcome.Faults.Count > 0)
        {
            throw new Refusal(FaultReport.Whole(outcome.Faults, outcome.Batch.Raw, call.Caller.PortalId));
        }
    }

    static Task RespondWrittenAsync(HttpContext http, Outcome outcome, int status) =>
        Wire.RespondAsync(http.Response, status, (http.Call(), outcome), WriteWritten);

    static StoredAnswer? CreatedToStored(HttpContext http, Outcome outcome) => outcome.Faults.Count > 0 ? null
        : new(StatusCodes.Status201Created, Wire.LocationOf(http, outcome.Results[0].Record!.Id.ToString()), Wire.ToBytes((http.Call(), outcome), WriteWritten));

    static StoredAnswer? UpdatedToStored(HttpContext http, Outcome outcome) => outcome.Faults.Count > 0 ? null
        : new(StatusCodes.Status200OK, null, Wire.ToBytes((http.Call(), outcome), WriteWritten));

    static void WriteWritten(Utf8JsonWriter json, (Call Call, Outcome Outcome) answer)
    {
        var (call, outcome) = answer;
        var schema = outcome.Batch.Schema;
        var set = new PropertySet(schema);
        BatchResponse.ShowWritten(set, schema, outcome.Results[0].Effect, outcome.Batch.Inputs[0].Values);
        var view = RecordView.For(call, schema);
        view.Show(outcome.Results[0].Record!);
        RecordResponse.WriteWritten(json, view, call.Caller.PortalId, set, traceId: outcome.Batch.Raw[0].TraceId);
    }

    static async ValueTask<ImmutableArray<(Record Record, ImmutableArray<(Property, ImmutableArray<HistoryEntry>)> History)>> AddHistoryAsync(
        ISnapshot snapshot, RecordView view, PropertySet? history, ImmutableArray<Record> records) =>
        history is { } asked ? [.. records.Zip(await PropertyHistory.ReadAsync(snapshot, view, records, asked))] : [.. records.Select(record => (record, ImmutableArray<(Property, ImmutableArray<HistoryEntry>)>.Empty))];

    // For each object type, the lists of all records.
    static async ValueTask<ImmutableArray<ImmutableArray<TieList>>> ReadTiesAsync(ISnapshot snapshot, ObjectType from, ImmutableArray<long> ids, ImmutableArray<TieTargets> targets, long? asOf = null)
    {
        var lists = ImmutableArray.CreateBuilder<ImmutableArray<TieList>>();
        foreach (var target in targets)
        {
            lists.Add(await target.ReadAsync(snapshot, from, ids, asOf: asOf));
        }

        return lists.DrainToImmutable();
    }

    static Action<Utf8JsonWriter>? WriteTies(HttpRequest request, RecordView view, ImmutableArray<ImmutableArray<TieList>> ties, int place) =>
        ties.IsEmpty ? null : json => TieList.WriteAll(json, request, view.Schema.Type, view.Record.Id, [.. ties.Select(lists => lists[place])]);

    static Action<Utf8JsonWriter, (Record Record, ImmutableArray<(Property, ImmutableArray<HistoryEntry>)> History)> WriteRecord(Call call, Schema schema, PropertySet set)
    {
        var view = RecordView.For(call, schema);
        return (json, found) =>
        {
            view.Show(found.Record);
            RecordResponse.WriteRead(json, view, call.Caller.PortalId, set, found.History);
        };
    }
}
