using System.Collections.Immutable;
using System.Text.Json;
using Docket.Http;
using Docket.Model;
using Docket.Stores;

namespace Docket.Legacy;

/// <summary>The ids of the records that a record is associated with, in lists by type. Lists of a type that the caller may not read are empty.</summary>
internal static class TieIds
{
    /// <summary>Most ids in a list.</summary>
    const int Max = 500;

    /// <summary>Reads for each record a list for each type.</summary>
    public static async ValueTask<ImmutableArray<ImmutableArray<ImmutableArray<long>>>> ReadAsync(ISnapshot snapshot, Call call, ObjectType from, ImmutableArray<Record> records, IEnumerable<string> types)
    {
        var lists = records.Select(_ => ImmutableArray.CreateBuilder<ImmutableArray<long>>()).ToList();
        foreach (var to in types.Select(type => call.Portal.Find(type)!.Type))
        {
            ImmutableArray<AssociationType> readable = call.Caller.Scopes.Allow(to.Scopes[Right.Read]) ? call.Portal.Associations.Between(from.Number, to.Number) : [];
            var pages = await snapshot.TiesAsync(from, [.. records.Select(record => (record.Id, 0L))], readable, Max);
            foreach (var (list, page) in lists.Zip(pages))
            {
                list.Add([.. page.Ties.Select(tie => tie.Id)]);
            }
        }

        return [.. lists.Select(list => list.ToImmutable())];
    }

    /// <summary>Writes an object of lists.</summary>
    public static void Write(Utf8JsonWriter json, IEnumerable<(string Name, ImmutableArray<long> Ids)> lists)
    {
        json.WriteStartObject("associations");
        foreach (var (name, ids) in lists)
        {
            json.WriteStartArray(name);
            foreach (var id in ids)
            {
                json.WriteNumberValue(id);
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
    }
}
