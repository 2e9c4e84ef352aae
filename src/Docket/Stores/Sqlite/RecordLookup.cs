using Docket.ChangeLog;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>Finds the records and owners that a batch names.</summary>
internal sealed class RecordLookup(Connection connection, SourceNumbers sources, Folds folds) : IRecordLookup, IDisposable
{
    readonly RecordRows rows = new(connection, sources);

    readonly Statement forward = connection.Prepare("SELECT survivor FROM forward WHERE record = ?");

    public Heads Heads { get; } = new(connection, folds);

    public Record? FindId(ObjectType type, long id, bool archived) => id is < 0 or > RecordKey.IdMax ? null : FindKey(RecordKey.Of(type, id, archived));

    public Record? FindUnique(Property property, ReadOnlyMemory<byte> value) => Heads.FindHolder(property, value) is { } key ? FindKey(key) : null;

    public long? FindOwner(Property property, ReadOnlyMemory<byte> value) => Heads.FindHolder(property, value) is { } key ? RecordKey.IdOf(key) : null;

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

    /// <summary>The records with a key from one to another, in order. Not to be nested.</summary>
    public IEnumerable<Record> Range(long from, long to) => Heads.Range(from, to).Select(head => rows.Read(head.Change));

    public void Dispose()
    {
        rows.Dispose();
        forward.Dispose();
        Heads.Dispose();
    }

    Record? FindKey(long key) => Heads.Find(key) is { } change ? rows.Read(change) : null;
}
