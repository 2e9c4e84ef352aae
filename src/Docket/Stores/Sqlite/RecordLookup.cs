using Docket.ChangeLog;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>Finds the records and owners that a batch names.</summary>
/// <param name="connection">The connection.</param>
/// <param name="sources">The sources of changes.</param>
/// <param name="folds">What is not in the tables.</param>
/// <param name="directory">What is in the tables; only for the writer.</param>
internal sealed class RecordLookup(Connection connection, SourceNumbers sources, Folds folds, KeyDirectory? directory = null) : IRecordLookup, IDisposable
{
    const int Key = 9; // after the columns of a record

    const string Select = $"SELECT {RecordRows.Columns}, head.key FROM head JOIN change ON change.sequence = head.change";

    readonly RecordRows rows = new(connection, sources);

    readonly Statement byKey = connection.Prepare($"{Select} WHERE head.key = ?");

    readonly Statement exists = connection.Prepare("SELECT 1 FROM head WHERE key = ?");

    readonly Statement byUnique = connection.Prepare($"{Select} JOIN unique_value ON unique_value.record = head.key WHERE property = ? AND value = ?");

    readonly Statement range = connection.Prepare($"{Select} WHERE head.key BETWEEN ? AND ? ORDER BY head.key");

    readonly Statement forward = connection.Prepare("SELECT survivor FROM forward WHERE record = ?");

    public Heads Heads { get; } = new(connection, folds);

    public Record? FindId(ObjectType type, long id, bool archived) => id is < 0 or > RecordKey.IdMax ? null : FindKey(RecordKey.Of(type, id, archived));

    public Record? FindUnique(Property property, ReadOnlyMemory<byte> value)
    {
        var held = HeldValue.Of(property, value);
        if (Heads.Unfolded(held) is { } key)
        {
            return key == 0 ? null : FindKey(key);
        }

        if (directory?.FindHolder(held) is { } likely)
        {
            if (likely == 0)
            {
                return null;
            }

            if (FindKey(likely) is { } record && Claims.Include(record.Values, property, value.Span))
            {
                return record;
            }
        }

        if (!byUnique.Bind(held.Property).Bind(value.Span).Step())
        {
            return null;
        }

        if (Heads.Unfolded(byUnique.Integer(Key)) is not { } change)
        {
            return ReadOne(byUnique);
        }

        byUnique.Reset(); // the record has changed since then
        return rows.Read(change);
    }

    public long? FindOwner(Property property, ReadOnlyMemory<byte> value)
    {
        var held = HeldValue.Of(property, value);
        var key = Heads.Unfolded(held) ?? (directory?.FindHolder(held) == 0 ? 0 : Heads.FoldedHolder(held)); // a hash may also be that of another value
        return key == 0 ? null : RecordKey.IdOf(key);
    }

    /// <summary>Whether there is a record with a key.</summary>
    public bool Exists(long key)
    {
        if ((Heads.Unfolded(key) ?? directory?.FindHead(key)) is { } change)
        {
            return change != 0;
        }

        var found = exists.Bind(key).Step();
        exists.Reset();
        return found;
    }

    /// <summary>The records with a key from one to another, in order. Not to be nested.</summary>
    public IEnumerable<Record> Range(long from, long to)
    {
        range.Bind(from).Bind(to);
        try
        {
            var (row, added) = (range.Step(), Heads.FirstAdded(from, to));
            while (row || added is not null)
            {
                var isRow = row && !(range.Integer(Key) > added);
                var key = isRow ? range.Integer(Key) : added!.Value;
                var known = Heads.Unfolded(key);
                var record = known is { } change ? change == 0 ? null : rows.Read(change) : isRow ? rows.Read(range) : null;
                added = added == key ? Heads.FirstAdded(key + 1, to) : added;
                row = isRow ? range.Step() : row;
                if (record is not null)
                {
                    yield return record;
                }
            }
        }
        finally
        {
            range.Reset();
        }
    }

    /// <inheritdoc cref="RecordRows.ValueSetBy"/>
    public byte[]? ValueSetBy(long sequence, int number) => rows.ValueSetBy(sequence, number);

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

    public void Dispose()
    {
        foreach (var statement in (ReadOnlySpan<Statement>)[byKey, exists, byUnique, range, forward])
        {
            statement.Dispose();
        }

        rows.Dispose();
        Heads.Dispose();
    }

    public Record? FindKey(long key)
    {
        if ((Heads.Unfolded(key) ?? directory?.FindHead(key)) is { } change)
        {
            return change == 0 ? null : rows.Read(change);
        }

        return byKey.Bind(key).Step() ? ReadOne(byKey) : null;
    }

    Record ReadOne(Statement statement)
    {
        var record = rows.Read(statement);
        statement.Reset();
        return record;
    }
}
