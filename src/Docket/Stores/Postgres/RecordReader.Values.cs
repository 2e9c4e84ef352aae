using Docket.Model;

namespace Docket.Stores.Postgres;

// Reads single values for a search that sorts by them. Blocks: the search waits in a callback.
internal sealed partial class RecordReader
{
    /// <summary>Reads the values of a property of records after a change, whatever has happened to the records since then; without those that have none.</summary>
    public Dictionary<long, byte[]> ValuesAt(ObjectType type, IReadOnlyCollection<long> ids, Property property, long sequence)
    {
        var values = new Dictionary<long, byte[]>();
        foreach (var some in ids.Where(IsId).Distinct().Chunk(ReadAtOnce))
        {
            var later = new List<(long Id, long Setter)>(); // set after the change
            var missing = some.ToHashSet();
            reads.List(
                null,
                row =>
                {
                    var record = ReadRecord(row);
                    var stored = new ValueReader(record.Values.Span);
                    missing.Remove(record.Id);
                    if (stored.Seek(property.Number))
                    {
                        if (record.FirstChange + stored.Link is var setter && setter > sequence)
                        {
                            later.Add((record.Id, setter));
                        }
                        else
                        {
                            values[record.Id] = stored.Value.ToArray();
                        }
                    }

                    return true;
                },
                Current, Keys(type, some, archived: false), PortalSession.Value(RecordKey.Of(0, 0, archived: true)));
            if (missing.Count > 0)
            {
                later.AddRange(reads.List(null, row => (RecordKey.IdOf(row.GetInt64(0)), row.GetInt64(1)), MergedAway, Keys(type, missing, archived: false))); // contains all its values
            }

            FollowBack(later, property, sequence, values);
        }

        return values;
    }

    void FollowBack(List<(long Id, long Setter)> later, Property property, long sequence, Dictionary<long, byte[]> values)
    {
        while (later.Count > 0)
        {
            var rows = reads.List(null, Link, ChangesOf, PortalSession.Value(later.Select(each => each.Setter).Distinct().ToArray())).ToDictionary(row => row.Sequence);
            var earlier = new List<(long, long)>();
            foreach (var (id, setter) in later)
            {
                var (_, link, value) = rows.GetValueOrDefault(setter);
                if (value is not null && setter <= sequence)
                {
                    values[id] = value;
                }
                else if (link > 0)
                {
                    earlier.Add((id, setter - link));
                }
            }

            later = earlier;
        }

        (long Sequence, long Link, byte[]? Value) Link(Npgsql.NpgsqlDataReader row)
        {
            var set = new ValueReader(row.GetFieldValue<byte[]>(5));
            return set.Seek(property.Number) ? (row.GetInt64(0), set.Link, set.Value.ToArray()) : (row.GetInt64(0), 0, null);
        }
    }
}
