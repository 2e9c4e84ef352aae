using System.Collections.Immutable;
using System.Text;
using Docket.ChangeLog;
using Docket.Model;
using Docket.Stores;
using Docket.Watch;
using Docket.Writes;
using Microsoft.Extensions.Logging.Abstractions;
using Record = Docket.Model.Record;

namespace Docket.Tests.Stores;

using Key = (int Type, long Id);

/// <summary>What is read of a state.</summary>
internal sealed partial record MemoryState : ISnapshot
{
    public ValueTask<ImmutableArray<Record?>> FindAsync(ObjectType type, ImmutableArray<long> ids, bool archived) => new([.. ids.Select(id => this.Follow(type, id, archived))]);

    public ValueTask<ImmutableArray<Record?>> FindAsync(Property key, ImmutableArray<ReadOnlyMemory<byte>> values) => new([.. values.Select(value => FindUnique(key, value))]);

    public ValueTask<ImmutableArray<RecordPast>> PastsAsync(ImmutableArray<Record> records, ImmutableArray<Property> properties, bool changes, int limit) =>
        new([.. records.Select(record => new RecordPast([.. properties.Select(property => History(record, property, limit))], changes ? Changes(record, limit) : []))]);

    public ValueTask<ImmutableArray<Record>> ListAsync(ObjectType type, long from, int limit, bool archived) => new([.. All(type, archived).Where(record => record.Id >= from).Take(limit)]);

    public ValueTask<ImmutableArray<TiePage>> TiesAsync(ObjectType from, ImmutableArray<(long Id, long After)> records, ImmutableArray<AssociationType> types, int limit, long? asOf = null) => new(
    [
        .. records.Select(record =>
        {
            var ties = (asOf is not { } time ? Ties.Keys : WasActive((from.Number, record.Id), time) ? TiesAt(time) : [])
                .Where(tie => tie.Record == (from.Number, record.Id) && tie.Other.Id > record.After && types.Any(type => type.Number == tie.Type)
                    && (asOf is { } then ? WasActive(tie.Other, then) : Records.GetValueOrDefault(tie.Other) is { ArchivedAt: null }))
                .GroupBy(tie => tie.Other.Id, tie => tie.Type).OrderBy(tie => tie.Key).ToList();
            return new TiePage([.. ties.Take(limit).Select(tie => new Tie(tie.Key, [.. tie.OrderBy(type => types.Select(known => known.Number).ToList().IndexOf(type))]))], ties.Count <= limit);
        }),
    ]);

    bool WasActive(Key record, long time) => Log.FindLast(entry => !entry.Write.Kind.IsTie() && (entry.Type, entry.Write.Record.Id) == record && entry.Write.Time <= time) is
    { Write: { Record: not null, Kind: not (ChangeKind.Archive or ChangeKind.MergedAway or ChangeKind.Purge) } };

    // Without those of records that were permanently deleted.
    HashSet<(Key Record, int Type, Key Other)> TiesAt(long time)
    {
        var ties = new HashSet<(Key Record, int Type, Key Other)>();
        foreach (var change in Log.Where(entry => entry.Write.Kind.IsTie() && entry.Write.Time <= time).Select(ToChange))
        {
            var (one, (otherType, otherId, types)) = ((change.Type, change.RecordId), change.Tie!.Value);
            HashSet<(Key, int, Key)> rows = [.. types.SelectMany(type => ((Key, int, Key)[])[(one, type, (otherType, otherId)), ((otherType, otherId), Schema.Associations.InverseOf(type)!.Value, one)])];
            if (change.Kind == ChangeKind.Associate)
            {
                ties.UnionWith(rows);
            }
            else
            {
                ties.ExceptWith(rows);
            }
        }

        var purged = Log.Where(entry => entry.Write.Kind == ChangeKind.Purge).Select(entry => new Key(entry.Type, entry.Write.Record.Id)).ToHashSet();
        return [.. ties.Where(tie => !purged.Contains(tie.Record) && !purged.Contains(tie.Other))];
    }

    ImmutableArray<HistoryEntry> History(Record record, Property property, int limit)
    {
        var entries = ImmutableArray.CreateBuilder<HistoryEntry>();
        var values = new ValueReader(record.Values.Span);
        for (var at = values.Seek(property.Number) ? record.FirstChange + values.Link : 0; at > 0 && entries.Count < limit; at = values.Link > 0 ? at - values.Link : 0)
        {
            var (write, _, source) = Log[(int)at - 1];
            values = new(write.Content.Span);
            values.Seek(property.Number);
            entries.Add(new(Encoding.UTF8.GetString(values.Value), write.Time, source));
        }

        return entries.ToImmutable();
    }

    ImmutableArray<HistoryEntry> Changes(Record record, int limit) => [.. Back(record.LastChange).Take(limit).Select(entry => new HistoryEntry("", entry.Write.Time, entry.Source))];

    public Record? AsOf(ObjectType type, long id, long time) => Log.FindLast(entry => !entry.Write.Kind.IsTie() && entry.Type == type.Number && entry.Write.Record.Id == id && entry.Write.Time <= time) switch
    {
        { Write: { Kind: ChangeKind.MergedAway } write } => Related(write) is [var survivor] && Holds(write) ? AsOf(type, survivor, time) : null,
        { Write: { Record: not null, Kind: not ChangeKind.Purge } write } => Holds(write) ? write.Record : null,
        _ => null,
    };

    public Change ToChange((PlannedWrite Write, int Type, Source Source) entry)
    {
        if (entry.Write.Kind.IsTie())
        {
            return new(entry.Write.Record.LastChange, entry.Type, entry.Write.Record.Id, entry.Write.Kind, entry.Write.Time, entry.Source, null, [], []) { Tie = TieContent.Read(entry.Write.Content.Span) };
        }

        var values = ImmutableArray.CreateBuilder<ChangedValue>();
        var reader = new ValueReader(entry.Write.Kind == ChangeKind.MergedAway ? default : entry.Write.Content.Span);
        while (reader.Next())
        {
            var isFirst = entry.Write.Kind is ChangeKind.Create or ChangeKind.Merge || reader.Link == 0;
            values.Add(new(reader.Number, isFirst ? null : ValueIn(Log[(int)(entry.Write.Record.LastChange - reader.Link) - 1].Write.Content, reader.Number), reader.Value.ToArray()));
        }

        return new(entry.Write.Record.LastChange, entry.Type, entry.Write.Record.Id, entry.Write.Kind, entry.Write.Time, entry.Source, entry.Write.TraceId, Related(entry.Write), values.ToImmutable());
    }

    // Every record has a stage, so one without values is one whose values are gone.
    static bool Holds(PlannedWrite write) => !write.Record.Values.IsEmpty;

    IEnumerable<(PlannedWrite Write, int Type, Source Source)> Back(long? sequence)
    {
        for (; sequence is { } at; sequence = Log[(int)at - 1].Write.Previous)
        {
            yield return Log[(int)at - 1];
        }
    }

    // The order of a merge's three changes: see ChangeKind.Merge.
    ImmutableArray<long> Related(PlannedWrite write) => write.Kind switch
    {
        ChangeKind.Merge => [Log[(int)write.Record.LastChange - 2].Write.Record.Id, Log[(int)write.Record.LastChange - 3].Write.Record.Id],
        ChangeKind.MergedAway => [Log.Skip((int)write.Record.LastChange).First(entry => entry.Write.Kind == ChangeKind.Merge).Write.Record.Id],
        _ => [],
    };
}

/// <summary>A portal in memory: what it reads comes from the last committed state. It has no search index, no jobs and no answers.</summary>
internal sealed class MemoryStore : IStore, IDisposable
{
    readonly MemoryTransaction memory;
    readonly CommitSignal committed = new();
    readonly PortalWriter writer;

    public MemoryStore(MemoryTransaction memory, TimeProvider clock)
    {
        this.memory = memory;
        writer = new("memory", memory, committed, clock, NullLogger.Instance, new Complaints(clock), null);
    }

    public PortalSchema Schema => writer.Schema;

    public string History => "memory";

    public long Sequence => committed.Sequence;

    public IJobs Jobs => throw new NotSupportedException();

    public IAnswers Answers => throw new NotSupportedException();

    public Task<Outcome> ApplyAsync(WriteBatch batch, SideWrite? note = null) => writer.ApplyAsync(batch, note);

    public Task<TiePlan> ApplyAsync(TieBatch batch) => writer.ApplyAsync(batch);

    public async Task<Schema> ChangeSchemaAsync(ObjectType type, Func<SchemaContent, SchemaContent> change, bool keepUsedStages = false) =>
        await writer.ChangeSchemaAsync(type, change, keepUsedStages) is var (schema, used) && schema is not null ? schema
        : throw new Refusal(Faults.StagesInUse(used, [.. used.SelectMany(stage => memory.Committed.InStage(type, stage)).Select(record => record.Id)]));

    public Task<PortalSchema> ChangeTypesAsync(Func<PortalSchema, PortalSchema> change, Caller caller) => writer.ChangeTypesAsync(change, caller);

    public ValueTask<Record?> FindAsync(ObjectType type, long id, bool archived, CancellationToken cancellation) => new(memory.Committed.Follow(type, id, archived));

    public ValueTask<Record?> FindAsync(Property key, ReadOnlyMemory<byte> value, CancellationToken cancellation) => new(memory.Committed.FindUnique(key, value));

    public Task<Record?> FindAsOfAsync(ObjectType type, long id, long time, CancellationToken cancellation) => Task.FromResult(memory.Committed.AsOf(type, id, time));

    public ValueTask<T> ReadAsync<T>(Func<ISnapshot, ValueTask<T>> read, CancellationToken cancellation, bool isLong = false) => read(memory.Committed);

    public Task<ImmutableArray<long>> FindHoldersAsync(ObjectType type, Property key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
        Task.FromResult<ImmutableArray<long>>([.. memory.Committed.Records.Where(entry => entry.Key.Type == type.Number && Claims.Include(entry.Value.Values, key, value.Span)).Select(entry => entry.Key.Id)]);

    public ValueTask<SearchPage> SearchAsync(SearchQuery query, CancellationToken cancellation) => throw new NotSupportedException();

    public Task WaitBeyondAsync(long sequence, CancellationToken cancellation) => committed.WaitBeyondAsync(sequence, cancellation);

    public ValueTask<ImmutableArray<Change>> FeedAsync(long after, int limit, int bytesMax, CancellationToken cancellation) =>
        new([.. memory.Committed.Log.Skip((int)after).Take(limit).Select(memory.Committed.ToChange)]);

    public Task<(ImmutableArray<Change> Changes, long Newest)> FeedOfAsync(ObjectType type, long id, long after, int limit, CancellationToken cancellation)
    {
        var own = memory.Committed.Log.Where(entry => !entry.Write.Kind.IsTie() && entry.Type == type.Number && entry.Write.Record.Id == id).Select(memory.Committed.ToChange).ToList();
        return Task.FromResult<(ImmutableArray<Change>, long)>(([.. own.Where(change => change.Sequence > after).Take(limit)], own.LastOrDefault()?.Sequence ?? 0));
    }

    public ValueTask<TimelinePage?> TimelineAsync(ObjectType type, long id, TimelinePlace? after, int limit, CancellationToken cancellation)
    {
        var own = memory.Committed.Log.Select(memory.Committed.ToChange)
            .Where(change => (change.Type, change.RecordId) == (type.Number, id) || (change.Tie is var (otherType, otherId, _) && (otherType, otherId) == (type.Number, id))).Reverse().ToList();
        var page = own.Where(change => change.Sequence < (after?.Before ?? long.MaxValue)).Take(limit + 1).ToList();
        return ValueTask.FromResult(own.TrueForAll(change => change.Kind.IsTie()) ? null : new TimelinePage([.. page.Take(limit)], page.Count > limit ? new(page[limit - 1].Sequence, 0) : null));
    }

    public Task<Condition> ConditionAsync() => Task.FromResult(new Condition(Condition.Ready, Condition.Ready));

    public void Dispose() => writer.Dispose();
}
