using Docket.ChangeLog;
using Docket.Model;
using Docket.Sqlite;
using Docket.Writes;

namespace Docket.Stores.Sqlite;

/// <summary>Finds all that a batch names, before anything is decided.</summary>
internal sealed class RecordLookup(Connection connection, SourceNumbers sources) : IDisposable
{
    const string Columns = "key, created, updated, archived, source, first_change, last_change, content";

    readonly Statement byKey = connection.Prepare($"SELECT {Columns} FROM record WHERE key = ?");

    readonly Statement byUnique = connection.Prepare(
        $"SELECT {Columns} FROM unique_value JOIN record ON record.key = unique_value.record WHERE property = ? AND value = ?");

    readonly Statement owner = connection.Prepare("SELECT record FROM unique_value WHERE property = ? AND value = ?");

    readonly Statement forward = connection.Prepare("SELECT survivor FROM forward WHERE record = ?");

    public FoundRecords Find(WriteBatch batch)
    {
        var type = batch.Schema.Type;
        var found = new FoundRecords(new Record?[batch.Inputs.Length], new(batch.Inputs.Length));
        for (var i = 0; i < batch.Inputs.Length; i++)
        {
            var input = batch.Inputs[i];
            if (input.Skipped)
            {
                continue;
            }

            if (batch.Kind != WriteKind.Create)
            {
                found.Records[i] = input.Key is null ? FindId(batch.Kind, type, input.KeyValue.Span, batch.Raw[i].FollowsMerges) : FindUnique(input.Key, input.KeyValue.Span);
                if (input.Key is not null && found.Records[i] is { } record)
                {
                    found.Owners[new(input.Key, input.KeyValue)] = record.Id;
                }
            }

            foreach (var value in input.Values)
            {
                if (value.Property.Unique && !value.Value.IsEmpty)
                {
                    FindOwner(found.Owners, new(value.Property, value.Value));
                }
            }

            if (batch.Kind == WriteKind.Restore && found.Records[i] is { } archived)
            {
                FindOwners(found.Owners, batch.Schema, archived);
            }
        }

        return found;
    }

    /// <summary>As <see cref="FindId(ObjectType, long, bool)"/>; the id of a record that was merged away leads to the one it became part of.</summary>
    public Record? Follow(ObjectType type, long id, bool archived) =>
        FindId(type, id, archived) ?? (Survivor(type, id) is { } survivor ? FindId(type, survivor, archived) : null);

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
    public static Record Read(Statement row, SourceNumbers sources) => new(
        RecordKey.IdOf(row.Integer(0)), row.Integer(1), row.Integer(2), row.IsNull(3) ? null : row.Integer(3),
        sources.Find(row.Integer(4)), row.Integer(5), row.Integer(6), row.Blob(7).ToArray());

    public void Dispose()
    {
        byKey.Dispose();
        byUnique.Dispose();
        owner.Dispose();
        forward.Dispose();
    }

    Record? FindId(WriteKind kind, ObjectType type, ReadOnlySpan<byte> text, bool followsMerges) => Record.ParseId(text) is not { } id ? null : kind switch
    {
        WriteKind.Restore => Follow(type, id, archived: true) ?? Follow(type, id, archived: false),
        WriteKind.Merge => Follow(type, id, archived: false),
        WriteKind.Purge => Follow(type, id, archived: false) ?? Follow(type, id, archived: true),
        WriteKind.Update when followsMerges => Follow(type, id, archived: false),
        _ => FindId(type, id, archived: false),
    };

    long? Survivor(ObjectType type, long id)
    {
        if (id is < 0 or > RecordKey.IdMax || !forward.Bind(RecordKey.Of(type, id, archived: false)).Step())
        {
            return null;
        }

        var survivor = RecordKey.IdOf(forward.Integer(0));
        forward.Reset();
        return survivor;
    }

    // Who has the values that an archived record had.
    void FindOwners(Dictionary<UniqueValue, long> owners, Schema schema, Record record)
    {
        var stored = new ValueReader(record.Values.Span);
        while (stored.Next())
        {
            if (schema.FindNumberEvenArchived(stored.Number) is { Unique: true } property && !stored.Value.IsEmpty)
            {
                FindOwner(owners, new(property, record.Values.Slice(stored.ValueStart, stored.Value.Length)));
            }
        }
    }

    void FindOwner(Dictionary<UniqueValue, long> owners, UniqueValue unique)
    {
        if (owners.ContainsKey(unique))
        {
            return;
        }

        if (owner.Bind(unique.Property!.Number).Bind(unique.Value.Span).Step())
        {
            owners[unique] = RecordKey.IdOf(owner.Integer(0));
            owner.Reset();
        }
    }

    static Record? ReadOne(Statement select, SourceNumbers sources)
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
