using Docket.ChangeLog;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>Finds the records and owners that a batch names.</summary>
internal sealed class RecordLookup(Connection connection, SourceNumbers sources) : IRecordLookup, IDisposable
{
    const string Columns = "key, created, updated, archived, source, first_change, last_change, content";

    readonly Statement byKey = connection.Prepare($"SELECT {Columns} FROM record WHERE key = ?");

    readonly Statement byUnique = connection.Prepare(
        $"SELECT {Columns} FROM unique_value JOIN record ON record.key = unique_value.record WHERE property = ? AND value = ?");

    readonly Statement owner = connection.Prepare("SELECT record FROM unique_value WHERE property = ? AND value = ?");

    readonly Statement forward = connection.Prepare("SELECT survivor FROM forward WHERE record = ?");

    public Record? FindId(ObjectType type, long id, bool archived)
    {
        if (id is < 0 or > RecordKey.IdMax)
        {
            return null;
        }

        return ReadOne(byKey.Bind(RecordKey.Of(type, id, archived)), sources);
    }

    public Record? FindUnique(Property property, ReadOnlySpan<byte> value) => ReadOne(byUnique.Bind(property.Number).Bind(value), sources);

    /// <summary>Reads the record of the current row of a statement that selects <see cref="Columns"/>.</summary>
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

    public long? FindSurvivor(ObjectType type, long id)
    {
        if (id is < 0 or > RecordKey.IdMax || !forward.Bind(RecordKey.Of(type, id, archived: false)).Step())
        {
            return null;
        }

        var survivor = RecordKey.IdOf(forward.Integer(0));
        forward.Reset();
        return survivor;
    }

    public long? FindOwner(Property property, ReadOnlySpan<byte> value)
    {
        if (!owner.Bind(property.Number).Bind(value).Step())
        {
            return null;
        }

        var id = RecordKey.IdOf(owner.Integer(0));
        owner.Reset();
        return id;
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
