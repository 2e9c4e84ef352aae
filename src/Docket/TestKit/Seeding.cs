using System.Text;
using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Objects;
using Docket.Schemas;
using Docket.Stores;
using Docket.Writes;

namespace Docket.TestKit;

/// <summary>Writes the content of a seed file to a portal, through the stages of the routes.</summary>
/// <param name="portals">The portals.</param>
/// <param name="store">The store of the portal.</param>
/// <param name="caller">Who the history says it was.</param>
/// <param name="random">The source of randomness of a call.</param>
internal sealed class Seeding(IPortals portals, IStore store, Caller caller, Random random)
{
    const string OwnerProperty = "hubspot_owner_id";

    /// <summary>Records with names, with their types.</summary>
    readonly Dictionary<string, (ObjectType Type, long Id)> named = new(StringComparer.Ordinal);

    /// <summary>Writes everything, in the order in which one needs the other.</summary>
    /// <returns>The records that have names.</returns>
    /// <exception cref="Refusal">An entry is refused, with its place. Those before it are written.</exception>
    public async Task<IReadOnlyDictionary<string, (ObjectType Type, long Id)>> ApplyAsync(SeedBody seed, CancellationToken cancellation)
    {
        foreach (var (i, user) in (seed.Users ?? []).Index())
        {
            await AtAsync($"users[{i}]", () => AddAsync(user, cancellation));
        }

        foreach (var (type, groups) in seed.Groups ?? [])
        {
            await DefineAsync($"groups.{type}", type, groups, (_, content, entry, _) => GroupRules.Create(content, Read(entry, InputJson.GroupCreate)).Content);
        }

        foreach (var (type, properties) in seed.Properties ?? [])
        {
            await DefineAsync($"properties.{type}", type, properties, (_, content, entry, edit) => PropertyRules.Create(content, Read(entry, InputJson.PropertyCreate), edit).Content);
        }

        foreach (var (name, pipelines) in seed.Pipelines ?? [])
        {
            await DefineAsync($"pipelines.{name}", name, pipelines, (type, content, entry, edit) => PipelineRules.Create(content, Read(entry, InputJson.Pipeline(type)), edit).Content);
        }

        var known = caller with { Owners = await portals.OwnersOfAsync(caller.PortalId, cancellation) };
        foreach (var (type, records) in seed.Records ?? [])
        {
            await CreateAsync(type, records, known);
        }

        foreach (var (i, tie) in (seed.Associations ?? []).Index())
        {
            await AtAsync($"associations[{i}]", () => AssociateAsync(tie, known));
        }

        return named;
    }

    async Task AddAsync(UserBody user, CancellationToken cancellation)
    {
        Faults.RefuseIf(UserRules.Mistakes(user.ToChange() with { Email = user.Email ?? "" }, user.Password));
        var added = await portals.Users.AddAsync(caller.PortalId, user.Email!, user.FirstName ?? "", user.LastName ?? "") ?? throw new Refusal(Faults.UserExists(user.Email!));
        if (user.Password is { } password)
        {
            await Passwords.SetAsync(portals.Users, added, password, cancellation);
        }

        if (user.Archived == true)
        {
            await portals.Users.ChangeAsync(caller.PortalId, added.Id, new(Archived: true));
        }
    }

    // All entries of a type in one transaction.
    async Task DefineAsync(string place, string type, List<JsonElement> entries, Func<ObjectType, SchemaContent, JsonElement, Edit, SchemaContent> rule)
    {
        var call = CallOf(place, type, caller);
        await call.EditAsync((content, edit) => entries.Index().Aggregate(content, (before, entry) => At($"{place}[{entry.Index}]", () => rule(call.Type, before, entry.Item, edit))));
    }

    async Task CreateAsync(string type, List<JsonElement> records, Caller known)
    {
        var call = CallOf($"records.{type}", type, known);
        for (var from = 0; from < records.Count; from += Validation.InputsMax)
        {
            var (place, names) = ($"records.{type}", new List<string?>());
            RecordInput[] inputs = [.. records.Skip(from).Take(Validation.InputsMax).Select((record, i) => At($"{place}[{from + i}]", () => ReadRecord(record, names, known)))];
            // Each on its own, so that the answer names the one that is refused; then none of the others stays either.
            var outcome = await AtAsync(place, () => store.ApplyAsync(Validation.Check(WriteKind.Create, inputs, call.Schema, known, OptionalFeatures.RowOutcomes)));
            if (outcome.Faults is [var first, ..])
            {
                throw new Refusal(Faults.InSeed(FaultReport.Whole([.. outcome.Faults.Where(fault => fault.Index == first.Index)], outcome.Batch.Raw, caller.PortalId), $"{place}[{from + first.Index}]"));
            }

            foreach (var (i, name) in names.Index())
            {
                if (name is not null)
                {
                    named[name] = (call.Type, outcome.Results[i].Record!.Id);
                }
            }
        }
    }

    RecordInput ReadRecord(JsonElement json, List<string?> names, Caller known)
    {
        var record = Read(json, SeedRecord.Shape.Read);
        if (record.Name is { } name && (names.Contains(name) || named.ContainsKey(name)))
        {
            throw new Refusal(Faults.SeedNameTaken(name));
        }

        names.Add(record.Name);
        using var body = BodyOf(json);
        var input = BatchReader.ReadSingle(body, WriteKind.Create);
        if (record.Owner is { } email)
        {
            var owner = known.Owners.All.FirstOrDefault(user => string.Equals(user.Email, email, StringComparison.OrdinalIgnoreCase)) ?? throw new Refusal(Faults.SeedOwnerUnknown(email));
            input.Values = [.. input.Values, new(Encoding.UTF8.GetBytes(OwnerProperty), Encoding.UTF8.GetBytes(owner.Id.ToString()))];
        }

        return input;
    }

    async Task AssociateAsync(SeedAssociationBody tie, Caller known)
    {
        var (from, to) = (Find(tie.From), Find(tie.To));
        var types = store.Schema.Associations.Between(from.Type.Number, to.Type.Number);
        var type = types.FirstOrDefault(type => type.Label == tie.Label) ?? throw new Refusal(Faults.SeedLabelUnknown(tie.Label, from.Type.Plural, to.Type.Plural));
        var plan = await store.ApplyAsync(new TieBatch
        {
            Kind = TieKind.Label,
            Caller = known,
            From = from.Type,
            To = to.Type,
            Types = types,
            Inputs = [new(from.Id, to.Id, [type])],
        });
        if (plan.Results[0].Error is { } error)
        {
            throw new Refusal(new(400, error.Message, error.Category, error.SubCategory) { Context = error.Context });
        }
    }

    (ObjectType Type, long Id) Find(string name) => named.TryGetValue(name, out var found) ? found : throw new Refusal(Faults.SeedNameUnknown(name));

    Call CallOf(string place, string type, Caller by)
    {
        var call = new Call(by, store, type, portals.Clocks.Of(caller.PortalId)) { Random = random };
        _ = At(place, () => call.Schema); // refuses an unknown type
        return call;
    }

    static T Read<T>(JsonElement json, JsonCursor.Reading<T> read)
    {
        using var body = BodyOf(json);
        return JsonCursor.Read(body, read);
    }

    static RequestBody BodyOf(JsonElement json) => RequestBody.Of(Encoding.UTF8.GetBytes(json.GetRawText()));

    static T At<T>(string place, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Refusal refusal)
        {
            throw new Refusal(Faults.InSeed(refusal.Error, place));
        }
    }

    static async Task<T> AtAsync<T>(string place, Func<Task<T>> write)
    {
        try
        {
            return await write();
        }
        catch (Refusal refusal)
        {
            throw new Refusal(Faults.InSeed(refusal.Error, place));
        }
    }

    static Task AtAsync(string place, Func<Task> write) => AtAsync(place, async () =>
    {
        await write();
        return true;
    });
}
