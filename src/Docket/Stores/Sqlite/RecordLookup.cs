using Docket.Model;
using Docket.Writes;

namespace Docket.Stores.Sqlite;

/// <summary>Finds all that a batch names, before anything is decided.</summary>
internal sealed class RecordLookup(Connection connection, Sources sources) : IDisposable
{
    const string Columns = "key, created, updated, archived, source, first_change, last_change, content";

    readonly Statement byKey = connection.Prepare($"SELECT {Columns} FROM record WHERE key = ?");

    readonly Statement byUnique = connection.Prepare(
        $"SELECT {Columns} FROM unique_value JOIN record ON record.key = unique_value.record WHERE property = ? AND value = ?");

    readonly Statement owner = connection.Prepare("SELECT record FROM unique_value WHERE property = ? AND value = ?");

    public Found Find(WriteBatch batch)
    {
        var type = batch.Schema.Type;
        var found = new Found(new Record?[batch.Inputs.Length], new(batch.Inputs.Length));
        for (var i = 0; i < batch.Inputs.Length; i++)
        {
            var input = batch.Inputs[i];
            if (input.Skipped)
            {
                continue;
            }

            if (batch.Kind != WriteKind.Create)
            {
                found.Records[i] = input.Key is null ? FindId(type, input.KeyValue.Span) : FindUnique(input.Key, input.KeyValue.Span);
                if (input.Key is not null && found.Records[i] is { } record)
                {
                    found.Owners[new(input.Key, input.KeyValue)] = record.Id;
                }
            }

            foreach (var value in input.Values)
            {
                if (value.Property.Unique && !value.Value.IsEmpty)
                {
                    FindOwner(found.Owners, value);
                }
            }
        }

        return found;
    }

    public Record? FindId(ObjectType type, long id, bool archived)
    {
        if (id is < 0 or > RecordKey.IdMax)
        {
            return null;
        }

        return ReadOne(byKey.Bind(RecordKey.Of(type, id, archived)), sources);
    }

    public Record? FindUnique(Property property, ReadOnlySpan<byte> value) => ReadOne(byUnique.Bind(property.Number).Bind(value), sources);

    /// <summary>The record of the current row of a statement that selects <see cref="Columns"/>.</summary>
    public static Record Read(Statement row, Sources sources) => new(
        RecordKey.IdOf(row.Integer(0)), row.Integer(1), row.Integer(2), row.IsNull(3) ? null : row.Integer(3),
        sources.Find(row.Integer(4)), row.Integer(5), row.Integer(6), row.Blob(7).ToArray());

    public void Dispose()
    {
        byKey.Dispose();
        byUnique.Dispose();
        owner.Dispose();
    }

    Record? FindId(ObjectType type, ReadOnlySpan<byte> text) =>
        Record.ParseId(text) is { } id ? FindId(type, id, archived: false) : null;

    void FindOwner(Dictionary<UniqueValue, long> owners, PropertyValue value)
    {
        var unique = new UniqueValue(value.Property, value.Value);
        if (owners.ContainsKey(unique))
        {
            return;
        }

        if (owner.Bind(value.Property.Number).Bind(value.Value.Span).Step())
        {
            owners[unique] = RecordKey.IdOf(owner.Integer(0));
            owner.Reset();
        }
    }

    static Record? ReadOne(Statement select, Sources sources)
    {
        if (!select.Step())
        {
            return null;
        }

        var record = Read(select, sources);
        select.Reset();
        return record;
    }
}
