using System.Collections.Immutable;
using System.Text;
using Docket.Model;

namespace Docket.Stores.Sqlite;

/// <summary>Reads records and history on a connection of its own: readers and the writer don't wait for each other.</summary>
internal sealed class RecordReader : IDisposable
{
    readonly Connection connection;
    readonly Sources sources;
    readonly Statement list, change, inStage;

    public RecordReader(string path, Sources sources)
    {
        this.sources = sources;
        connection = new Connection(path, create: false);
        connection.Execute("PRAGMA query_only=1");
        Lookup = new RecordLookup(connection, sources);
        list = connection.Prepare(
            "SELECT key, created, updated, archived, source, first_change, last_change, content FROM record WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?");
        change = connection.Prepare("SELECT time, source, content, previous FROM change WHERE sequence = ?");
        inStage = connection.Prepare("SELECT key, content FROM record WHERE key BETWEEN ? AND ?");
    }

    public RecordLookup Lookup { get; }

    public ImmutableArray<Record> List(ObjectType type, long from, int limit, bool archived)
    {
        var records = ImmutableArray.CreateBuilder<Record>();
        list.Bind(RecordKey.Of(type, Math.Clamp(from, 0, RecordKey.IdMax), archived))
            .Bind(RecordKey.Of(type, RecordKey.IdMax, archived)).Bind(limit);
        while (list.Step())
        {
            records.Add(RecordLookup.Read(list, sources));
        }

        return records.DrainToImmutable();
    }

    /// <summary>Follows the links of one property from change to change: as many steps as there are entries in the answer.</summary>
    public ImmutableArray<HistoryEntry> History(Record record, Property property, int limit)
    {
        var stored = new ValueReader(record.Values.Span);
        if (!stored.Seek(property.Number))
        {
            return [];
        }

        var entries = ImmutableArray.CreateBuilder<HistoryEntry>();
        long? sequence = record.FirstChange + stored.Link;
        while (sequence is { } at && entries.Count < limit && change.Bind(at).Step())
        {
            var content = new ValueReader(change.Blob(2));
            content.Seek(property.Number);
            entries.Add(new(Encoding.UTF8.GetString(content.Value), change.Integer(0), sources.Find(change.Integer(1))));
            sequence = content.Link == 0 ? null : at - content.Link;
            change.Reset();
        }

        return entries.DrainToImmutable();
    }

    /// <summary>The value that a property of a record had once a change was done, whatever became of the record since; empty for none.</summary>
    public byte[] ValueAt(ObjectType type, long id, Property property, long sequence)
    {
        if ((Lookup.FindId(type, id, archived: false) ?? Lookup.FindId(type, id, archived: true)) is not { } record)
        {
            return [];
        }

        var stored = new ValueReader(record.Values.Span);
        if (!stored.Seek(property.Number))
        {
            return [];
        }

        var at = record.FirstChange + stored.Link;
        if (at <= sequence)
        {
            return stored.Value.ToArray();
        }

        while (change.Bind(at).Step())
        {
            var content = new ValueReader(change.Blob(2));
            content.Seek(property.Number);
            var (value, link) = (at <= sequence ? content.Value.ToArray() : null, content.Link);
            change.Reset();
            if (value is not null || link == 0)
            {
                return value ?? [];
            }

            at -= link;
        }

        return [];
    }

    /// <summary>The newest changes of a record as a whole, newest first; values are left out.</summary>
    public ImmutableArray<HistoryEntry> Changes(Record record, int limit)
    {
        var entries = ImmutableArray.CreateBuilder<HistoryEntry>();
        long? sequence = record.LastChange;
        while (sequence is { } at && entries.Count < limit && change.Bind(at).Step())
        {
            entries.Add(new("", change.Integer(0), sources.Find(change.Integer(1))));
            sequence = change.IsNull(3) ? null : change.Integer(3);
            change.Reset();
        }

        return entries.DrainToImmutable();
    }

    /// <summary>The first few active records that stand in one of some stages. A walk over the list: for refusals only.</summary>
    public List<long> FirstInStages(Schema schema, IReadOnlyCollection<string> stages, int limit)
    {
        var ids = new List<long>();
        inStage.Bind(RecordKey.Of(schema.Type, 0, archived: false)).Bind(RecordKey.Of(schema.Type, RecordKey.IdMax, archived: false));
        while (ids.Count < limit && inStage.Step())
        {
            var values = new ValueReader(inStage.Blob(1));
            if (values.Seek(schema.Stage.Number) && stages.Contains(Encoding.UTF8.GetString(values.Value)))
            {
                ids.Add(RecordKey.IdOf(inStage.Integer(0)));
            }
        }

        inStage.Reset();
        return ids;
    }

    public void Dispose()
    {
        Lookup.Dispose();
        list.Dispose();
        change.Dispose();
        inStage.Dispose();
        connection.Dispose();
    }
}
