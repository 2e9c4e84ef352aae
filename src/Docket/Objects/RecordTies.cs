using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Docket.Http;
using Docket.Model;
using Docket.Stores;
using Microsoft.AspNetCore.Http;

namespace Docket.Objects;

/// <summary>An object type whose records are listed with a record, as v3 lists them: each once for each association type (reference/properties-pipelines-search-associations.md 5.7).</summary>
/// <param name="To">The object type.</param>
/// <param name="Types">The association types that lead there.</param>
internal sealed record TieTargets(ObjectType To, ImmutableArray<AssociationType> Types)
{
    /// <summary>Most entries of a list (reference/objects-other-than-tickets.md 8.4).</summary>
    const int PageMax = 100;

    /// <summary>The object types in the query's <c>associations</c>; unknown ones are ignored (reference/objects-and-batch.md 4.3).</summary>
    /// <exception cref="Refusal">403 for one that the caller may not read.</exception>
    public static ImmutableArray<TieTargets> Of(HttpContext http)
    {
        var call = http.Call();
        return [.. http.QueryNames("associations").Select(call.Portal.Find).OfType<Schema>().Select(to => Of(call, to)).DistinctBy(target => target.To.Number)];
    }

    /// <summary>An object type for records of a call's type.</summary>
    /// <exception cref="Refusal">403.</exception>
    public static TieTargets Of(Call call, Schema to) => call.Caller.Scopes.Allow(to.Type.Scopes[Right.Read])
        ? new(to.Type, call.Portal.Associations.Between(call.Type.Number, to.Type.Number))
        : throw new Refusal(Faults.MissingScopes(to.Type.Scopes[Right.Read]));

    /// <summary>Reads the lists of some records, in order of association type and id.</summary>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="from">The type of the records.</param>
    /// <param name="ids">The records.</param>
    /// <param name="after">Where the lists begin; <c>null</c> for the first page.</param>
    /// <param name="asOf">As of this time; <c>null</c> for now.</param>
    public async ValueTask<ImmutableArray<TieList>> ReadAsync(ISnapshot snapshot, ObjectType from, ImmutableArray<long> ids, TieCursor? after = null, long? asOf = null)
    {
        var types = after is { } start ? Types.SkipWhile(type => type.Number != start.Type).ToImmutableArray() : Types;
        var entries = ids.Select(_ => new List<(AssociationType Type, long Id)>()).ToList();
        foreach (var type in types)
        {
            // One more than a page shows whether there is a next one.
            ImmutableArray<int> open = [.. Enumerable.Range(0, ids.Length).Where(at => entries[at].Count <= PageMax)];
            var pages = await snapshot.TiesAsync(from, [.. open.Select(at => (ids[at], type.Number == after?.Type ? after.Value.Id : 0))], [type], PageMax + 1, asOf);
            foreach (var (page, at) in pages.Zip(open))
            {
                entries[at].AddRange(page.Ties.Select(tie => (type, tie.Id)));
            }
        }

        return [.. entries.Select(list => new TieList(
            this, [.. list.Take(PageMax)], list.Count > PageMax ? new TieCursor(list[PageMax - 1].Type.Number, list[PageMax - 1].Id) : null))];
    }
}

/// <summary>Where a list of v3 continues: after this entry. As HubSpot's: base64 of <c>0-2-7502</c>, category, association type and id (reference/objects-other-than-tickets.md 8.1).</summary>
/// <param name="Type">The number of the association type.</param>
/// <param name="Id">The id of the record.</param>
internal readonly record struct TieCursor(int Type, long Id)
{
    /// <summary>Reads a cursor; <c>null</c> for an empty text.</summary>
    /// <exception cref="Refusal">400 for any other text.</exception>
    public static TieCursor? Parse(string text)
    {
        if (text.Length == 0)
        {
            return null;
        }

        Span<byte> bytes = stackalloc byte[64];
        return Convert.TryFromBase64String(text, bytes, out var length) && Encoding.ASCII.GetString(bytes[..length]).Split('-') is [var category, var type, var id]
            && int.TryParse(category, NumberStyles.None, CultureInfo.InvariantCulture, out var own) && own < 2
            && int.TryParse(type, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var last)
            ? new((number << 1) | own, last) : throw new Refusal(Faults.BadParameter("after"));
    }

    public override string ToString() => Convert.ToBase64String(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Type & 1}-{Type >> 1}-{Id}")));
}

/// <summary>The records of one type that a record is associated with.</summary>
/// <param name="Targets">What they are.</param>
/// <param name="Entries">Association type and id.</param>
/// <param name="Next">Where the next page begins; <c>null</c> if there is none.</param>
internal sealed record TieList(TieTargets Targets, ImmutableArray<(AssociationType Type, long Id)> Entries, TieCursor? Next)
{
    static readonly JsonEncodedText Id = JsonEncodedText.Encode("id");

    /// <summary>Writes <c>associations</c> of a record; nothing if it has none.</summary>
    public static void WriteAll(Utf8JsonWriter json, HttpRequest request, ObjectType from, long id, IReadOnlyList<TieList> lists)
    {
        if (lists.All(list => list.Entries.IsEmpty))
        {
            return;
        }

        json.WriteStartObject("associations");
        foreach (var list in lists.Where(list => !list.Entries.IsEmpty))
        {
            json.WriteStartObject(list.Targets.To.Plural.Replace('_', ' ')); // as HubSpot prints it: "line items" (reference/objects-other-than-tickets.md 8.4)
            list.Write(json, request, from, id);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    /// <summary>Writes <c>results</c>, and <c>paging</c> if there is a next page.</summary>
    public void Write(Utf8JsonWriter json, HttpRequest request, ObjectType from, long id) => Wire.WriteResults(json, Entries, NextOf(request, from, id), static (json, entry) => WriteEntry(json, entry));

    /// <summary>Writes an entry.</summary>
    public static void WriteEntry(Utf8JsonWriter json, (AssociationType Type, long Id) entry)
    {
        json.WriteStartObject();
        Wire.WriteId(json, Id, entry.Id);
        json.WriteString("type", entry.Type.Name);
        json.WriteEndObject();
    }

    /// <summary>The next page, with the link of HubSpot's (reference/objects-other-than-tickets.md 8.1).</summary>
    public NextPage? NextOf(HttpRequest request, ObjectType from, long id) => Next is not { } next ? null
        : new(next.ToString(), $"{request.Scheme}://{request.Host}/crm/v3/objects/{from.Id}/{id}/associations/{Targets.To.Id}?after={Uri.EscapeDataString(next.ToString())}{AsOf(request)}");

    static string AsOf(HttpRequest request) => request.Query["asOf"].ToString() is { Length: > 0 } time ? $"&asOf={Uri.EscapeDataString(time)}" : "";
}
