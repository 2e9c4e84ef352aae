using System.Collections.Immutable;
using System.Text;
using Docket.ChangeLog;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>
/// Reads records and history on a separate connection: readers and the writer don't wait for each other. All reads between
/// <see cref="Begin"/> and <see cref="End"/> see the same commit.
/// </summary>
internal sealed partial class RecordReader : ISnapshot, IDisposable
{
    readonly Connection connection;
    readonly SourceNumbers sources;
    readonly TieTable ties;
    readonly Statement change, feed, back, forward, merge, gone;

    public RecordReader(string path, SourceNumbers sources, Folds folds)
    {
        this.sources = sources;
        connection = new Connection(path, create: false);
        connection.Execute("PRAGMA query_only=1");
        Lookup = new RecordLookup(connection, sources, folds);
        ties = new TieTable(connection, Lookup);
        change = connection.Prepare("SELECT time, source, content, previous, kind, record FROM change WHERE sequence = ?");
        feed = connection.Prepare("SELECT sequence, record, kind, time, source, trace, content FROM change WHERE sequence > ? ORDER BY sequence LIMIT ?");
        back = connection.Prepare("SELECT previous, kind FROM change WHERE sequence = ?");
        forward = connection.Prepare("SELECT change FROM forward WHERE record = ?");
        gone = connection.Prepare($"SELECT max(sequence) FROM change WHERE record = ? AND kind IN ({(int)ChangeKind.MergedAway}, {(int)ChangeKind.Purge})");
        merge = connection.Prepare($"SELECT record FROM change WHERE sequence > ? AND kind = {(int)ChangeKind.Merge} ORDER BY sequence LIMIT 1");
    }

    public RecordLookup Lookup { get; }

    public Connection Connection => connection;

    public void Begin() => Lookup.Heads.Begin();

    public void End() => Lookup.Heads.End();

    /// <summary>The record of an id, or the one that it became part of.</summary>
    public Record? Find(ObjectType type, long id, bool archived) => Lookup.Follow(type, id, archived);

    public ValueTask<ImmutableArray<Record?>> FindAsync(ObjectType type, ImmutableArray<long> ids, bool archived) => new([.. ids.Select(id => Find(type, id, archived))]);

    public ValueTask<ImmutableArray<Record?>> FindAsync(Property key, ImmutableArray<ReadOnlyMemory<byte>> values) => new([.. values.Select(value => Lookup.FindUnique(key, value))]);

    public ValueTask<ImmutableArray<Record>> ListAsync(ObjectType type, long from, int limit, bool archived) => new(List(type, from, limit, archived));

    public ValueTask<ImmutableArray<TiePage>> TiesAsync(ObjectType from, ImmutableArray<(long Id, long After)> records, ImmutableArray<AssociationType> types, int limit, long? asOf = null) =>
        new([.. records.Select(record =>
        {
            var key = RecordKey.Of(from, record.Id, archived: false);
            return record.Id is < 0 or > RecordKey.IdMax || types.IsEmpty || (asOf is { } then && !WasActive(key, then)) ? new TiePage([], IsLast: true) : ties.List(
                key, [.. types.Select(type => type.Number)], RecordKey.Of(types[0].To, record.After, archived: false), limit,
                asOf is { } time ? (time, other => WasActive(other, time)) : null);
        })]);

    public ValueTask<ImmutableArray<RecordPast>> PastsAsync(ImmutableArray<Record> records, ImmutableArray<Property> properties, bool changes, int limit) =>
        new([.. records.Select(record => new RecordPast(Histories(record, properties, limit), changes ? Changes(record, limit) : []))]);

    ImmutableArray<Record> List(ObjectType type, long from, int limit, bool archived) =>
        [.. Lookup.Range(RecordKey.Of(type, Math.Clamp(from, 0, RecordKey.IdMax), archived), RecordKey.Of(type, RecordKey.IdMax, archived)).Take(limit)];

    // Follows the links of each property from change to change, so each step finds an entry. A change of several properties is read once.
    ImmutableArray<ImmutableArray<HistoryEntry>> Histories(Record record, ImmutableArray<Property> properties, int limit)
    {
        var entries = new List<HistoryEntry>[properties.Length];
        var next = new long[properties.Length]; // 0 if there is none
        for (var i = 0; i < properties.Length; i++)
        {
            var stored = new ValueReader(record.Values.Span);
            next[i] = limit > 0 && stored.Seek(properties[i].Number) ? record.FirstChange + stored.Link : 0;
            entries[i] = [];
        }

        while (next.AsSpan().IndexOfAnyExcept(0) >= 0)
        {
            var at = next.Max();
            var exists = change.Bind(at).Step();
            for (var i = 0; i < properties.Length; i++)
            {
                if (next[i] != at)
                {
                    continue;
                }

                next[i] = 0;
                var content = new ValueReader(exists ? change.Blob(2) : []);
                if (content.Seek(properties[i].Number)) // unless it was purged in the meantime
                {
                    entries[i].Add(new(Encoding.UTF8.GetString(content.Value), change.Integer(0), sources.Find(change.Integer(1))));
                    next[i] = content.Link == 0 || entries[i].Count == limit ? 0 : at - content.Link;
                }
            }

            change.Reset();
        }

        return [.. entries.Select(of => of.ToImmutableArray())];
    }

    /// <summary>Reads the value of a property of a record after a change, whatever has happened to the record since then; empty for none.</summary>
    public byte[] ValueAt(ObjectType type, long id, Property property, long sequence)
    {
        long at;
        if ((Lookup.FindId(type, id, archived: false) ?? Lookup.FindId(type, id, archived: true)) is { } record)
        {
            var stored = new ValueReader(record.Values.Span);
            if (!stored.Seek(property.Number))
            {
                return [];
            }

            at = record.FirstChange + stored.Link;
            if (at <= sequence)
            {
                return stored.Value.ToArray();
            }
        }
        else if (MergedAwayBy(type, id) is { } away)
        {
            at = away; // contains all its values
        }
        else
        {
            return [];
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

    // The newest changes of a record, newest first, without values.
    ImmutableArray<HistoryEntry> Changes(Record record, int limit)
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

    /// <summary>Finds the records with a unique value: the active one, and archived ones that had it. Reads the whole archive.</summary>
    public ImmutableArray<long> FindHolders(ObjectType type, Property key, ReadOnlyMemory<byte> value)
    {
        var ids = ImmutableArray.CreateBuilder<long>();
        if (Lookup.FindUnique(key, value) is { } active)
        {
            ids.Add(active.Id);
        }

        foreach (var record in Lookup.Range(RecordKey.Of(type, 0, archived: true), RecordKey.Of(type, RecordKey.IdMax, archived: true)))
        {
            if (Claims.Include(record.Values, key, value.Span))
            {
                ids.Add(record.Id);
            }
        }

        return ids.DrainToImmutable();
    }

    public void Dispose()
    {
        ties.Dispose();
        Lookup.Dispose();
        foreach (var statement in (ReadOnlySpan<Statement>)[change, feed, back, forward, merge, gone])
        {
            statement.Dispose();
        }

        connection.Dispose();
    }
}
