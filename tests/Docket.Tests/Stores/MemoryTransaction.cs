using System.Collections.Immutable;
using System.Text;
using Docket.ChangeLog;
using Docket.Model;
using Docket.Model.Types;
using Docket.Stores;
using Docket.Writes;
using Record = Docket.Model.Record;

namespace Docket.Tests.Stores;

using Key = (int Type, long Id);

/// <summary>The smallest engine: one immutable state, which a commit replaces. What it needs is what any engine needs.</summary>
internal sealed class MemoryTransaction : ITransaction, IUnfollowed
{
    MemoryState working = new();

    public MemoryState Committed { get; private set; } = new();

    public string Name => "memory";

    public long Sequence => Committed.Log.Count;

    public PortalSchema LoadSchema() => Committed.Schema;

    public TransactionStart Begin(IReadOnlyList<WriteBatch> batches)
    {
        working = Committed;
        return new(Sequence, null);
    }

    /// <summary>How many changes each transaction has made.</summary>
    public List<int> Sizes { get; } = [];

    public void Commit()
    {
        Sizes.Add(working.Log.Count - Committed.Log.Count);
        Committed = working;
    }

    public void Rollback() => working = Committed;

    public FoundRecords Find(WriteBatch batch) => BatchLookup.Find(working, batch);

    public void Write(Plan plan, ObjectType type, List<FollowedChange> written)
    {
        foreach (var write in plan.Writes)
        {
            var key = new Key(type.Number, write.Record.Id);
            working = working with { Log = working.Log.Add(new(write, type.Number, plan.Outcome.Batch.Source)) };
            working = write.Kind switch
            {
                ChangeKind.MergedAway => working with { Records = working.Records.Remove(key) },
                ChangeKind.Purge => working.Without(key),
                ChangeKind.Merge => working.Forward(key, plan.Writes[plan.Writes.IndexOf(write) - 1].Record.Id).Forward(key, plan.Writes[plan.Writes.IndexOf(write) - 2].Record.Id),
                _ => working,
            };
            if (write.Kind is not (ChangeKind.MergedAway or ChangeKind.Purge))
            {
                working = working with { Records = working.Records.SetItem(key, write.Record) };
            }
        }

        foreach (var (value, holder) in plan.Holders)
        {
            var place = MemoryState.PlaceOf(value.Property!, value.Value.Span);
            working = working with { Holders = holder is { } id ? working.Holders.SetItem(place, new(type.Number, id)) : working.Holders.Remove(place) };
        }
    }

    public long?[] Find(IReadOnlyList<TieTarget> targets) =>
        [.. targets.Select(target => target.Key is { } key ? working.FindOwner(key, target.Value) : working.FindId(target.Type, target.Id, archived: false)?.Id)];

    public IReadOnlyList<Record> Read(ObjectType type, IReadOnlyList<long> ids) => [.. ids.Select(id => working.FindId(type, id, archived: false)).OfType<Record>()];

    public FoundTies Find(TieBatch batch)
    {
        bool[] Exist(ObjectType type, Func<TieInput, long> id) => [.. batch.Inputs.Select(input => working.FindId(type, id(input), archived: false) is not null)];
        var companies = batch.Primary is not var (primary, isCompanys) ? [] : working.Ties.Keys
            .Where(tie => tie.Record.Type == (isCompanys ? batch.To : batch.From).Number && tie.Type == (isCompanys ? primary.Inverse : primary.Number)).ToDictionary(tie => tie.Record.Id, tie => tie.Other.Id);
        var found = new FoundTies(
            Exist(batch.From, input => input.From), Exist(batch.To, input => input.To),
            [.. batch.Inputs.Select(input => batch.Types.Select(type => type.Number).Where(type => working.Ties.ContainsKey((new(batch.From.Number, input.From), type, new(batch.To.Number, input.To)))).ToImmutableArray())],
            companies);
        foreach (var (of, id, type, upTo) in batch.Counted)
        {
            found.Counts[(id, type)] = working.Ties.Keys.Where(tie => tie.Record == (of.Number, id) && tie.Type == type && working.Records.GetValueOrDefault(tie.Other) is { ArchivedAt: null }).Take((int)upTo).Count();
        }

        return found;
    }

    public IReadOnlyList<StoredTie>[] TiesOf(ObjectType type, IReadOnlyList<long> ids) =>
        [.. ids.Select(id => working.Ties.Keys.Where(tie => tie.Record == (type.Number, id)).Select(tie => new StoredTie(tie.Type, tie.Other)).ToList())];

    public IReadOnlyList<StoredTie>[] TiesOf(ObjectType type, IReadOnlyList<long> ids, IReadOnlyList<int> types, int limit, bool oldest) =>
    [
        .. TiesOf(type, ids).Select(own => types.SelectMany(of => own.Where(tie => tie.Type == of).OrderBy(tie => oldest ? tie.Other.Id : -tie.Other.Id).Take(limit)).ToList()),
    ];

    public IReadOnlyList<(long From, long To)> TiesWith(AssociationType type, int limit) =>
        [.. working.Ties.Keys.Where(tie => tie.Type == type.Number).Take(limit).Select(tie => (tie.Record.Id, tie.Other.Id))];

    public void ForgetTies(ObjectType type, long id, Func<int, int?> inverse) =>
        working = working with { Ties = working.Ties.RemoveRange(working.Ties.Keys.Where(tie => tie.Record == (type.Number, id) || tie.Other == (type.Number, id))) };

    public void Write(IReadOnlyList<PlannedTie> planned, Source source, List<FollowedChange> written)
    {
        foreach (var tie in planned)
        {
            var ties = working.Ties;
            foreach (var type in tie.Types)
            {
                var (own, others) = ((tie.From, type.Number, tie.To), (tie.To, type.Inverse, tie.From));
                ties = tie.Kind == ChangeKind.Associate ? ties.SetItem(own, tie.Sequence).SetItem(others, tie.Sequence) : ties.Remove(own).Remove(others);
            }

            var content = TieContent.Write(new(), tie.To.Type, tie.To.Id, tie.Types);
            var record = new Record(tie.From.Id, 0, 0, null, source, 0, tie.Sequence, default);
            working = working with { Ties = ties, Log = working.Log.Add(new(new(tie.Kind, record, null, tie.Time, null, content), tie.From.Type, source)) };
        }
    }

    public List<string> UsedStages(ObjectType type, SchemaContent before, SchemaContent after) =>
        [.. before.Pipelines.SelectMany(pipeline => pipeline.Stages).Select(stage => stage.Id).Except(after.Pipelines.SelectMany(pipeline => pipeline.Stages).Select(stage => stage.Id)).Where(stage => working.InStage(type, stage).Any())];

    public bool HasRecords(ObjectType type) => working.All(type, archived: false).Any();

    public void SaveSchema(ObjectType type, SchemaContent? before, SchemaContent after) => working = working with { Schema = working.Schema.With(new Schema(type, after)) };

    public void SaveAssociation(AssociationDefinition definition) =>
        working = working with { Schema = working.Schema.With([.. working.Schema.Labels.Where(other => other.Id != definition.Id), definition]) };

    public void SaveLimit(int type, int? most) => working = working with
    {
        Schema = working.Schema.With(most is { } limit ? working.Schema.Limits.SetItem(type, limit) : working.Schema.Limits.Remove(type)),
    };

    public void Expect(SideWrite note) => throw new NotSupportedException();

    public Action? Keep(SideWrite note, Outcome outcome) => throw new NotSupportedException();

    public void Rest()
    {
    }

    public bool RestLong() => false;

    public (bool Done, Refusal? Failure) EraseSome() => (true, null);

    public Refusal? Clean() => null;

    public string? Probe(bool failed) => null;

    public TransactionEnd Judge(Exception failure) => TransactionEnd.Rejected;

    public Refusal? Translate(Exception failure) => null;

    public IUnfollowed Unfollowed => this;

    bool IUnfollowed.Any => !working.Unfollowed.IsEmpty;

    void IUnfollowed.Note(long record, long after) =>
        working = working with { Unfollowed = working.Unfollowed.SetItem(record, Math.Min(after, working.Unfollowed.GetValueOrDefault(record, long.MaxValue))) };

    IReadOnlySet<long> IUnfollowed.Among(IReadOnlyCollection<long> records) => records.Where(working.Unfollowed.ContainsKey).ToHashSet();

    (long Record, long After)? IUnfollowed.Next(long record) => working.Unfollowed.IsEmpty ? null
        : (working.Unfollowed.SkipWhile(each => each.Key <= record).Take(1).ToArray() is [var next] ? next : working.Unfollowed.First()) is var (key, after) ? (key, after) : null;

    void IUnfollowed.Advance(long record, long? after) =>
        working = working with { Unfollowed = after is { } key ? working.Unfollowed.SetItem(record, key) : working.Unfollowed.Remove(record) };

    public TiePage TiesAfter(ObjectType type, long id, ImmutableArray<int> types, long after, int limit)
    {
        var ties = working.Ties.Keys.Where(tie => tie.Record == (type.Number, id) && types.Contains(tie.Type) && working.Records.GetValueOrDefault(tie.Other) is { ArchivedAt: null })
            .GroupBy(tie => RecordKey.Of(tie.Other.Type, tie.Other.Id, archived: false), tie => tie.Type).Where(tie => tie.Key > after).OrderBy(tie => tie.Key).ToList();
        return new([.. ties.Take(limit).Select(tie => new Tie(RecordKey.IdOf(tie.Key), [.. tie]))], ties.Count <= limit);
    }

    public void Dispose()
    {
    }
}

/// <summary>Everything in a portal at one moment. A change that was deleted for good has lost its values.</summary>
internal sealed partial record MemoryState : IRecordLookup
{
    public PortalSchema Schema { get; init; } = new(StandardTypes.All, [new(Tickets.Type, SchemaContent.Of(Tickets.Type.Seed()))], []);

    public ImmutableSortedDictionary<Key, Record> Records { get; init; } = ImmutableSortedDictionary<Key, Record>.Empty;

    public ImmutableDictionary<(int Property, string Value), Key> Holders { get; init; } = ImmutableDictionary<(int, string), Key>.Empty;

    public ImmutableDictionary<(Key Record, int Type, Key Other), long> Ties { get; init; } = ImmutableDictionary<(Key, int, Key), long>.Empty;

    public ImmutableSortedDictionary<long, long> Unfollowed { get; init; } = ImmutableSortedDictionary<long, long>.Empty;

    public ImmutableDictionary<Key, long> Survivors { get; init; } = ImmutableDictionary<Key, long>.Empty;

    public ImmutableList<(PlannedWrite Write, int Type, Source Source)> Log { get; init; } = [];

    public static (int, string) PlaceOf(Property property, ReadOnlySpan<byte> value) => (property.ClaimedAs.Number, Convert.ToHexString(value));

    public IEnumerable<Record> InStage(ObjectType type, string stage) => All(type, archived: false).Where(record => ValueIn(record.Values, Schema.Of(type).Stages!.Stage.Number) is { } value && Encoding.UTF8.GetString(value.Span) == stage);

    public IEnumerable<Record> All(ObjectType type, bool archived) => Records.Where(entry => entry.Key.Type == type.Number && entry.Value.ArchivedAt is not null == archived).Select(entry => entry.Value);

    public Record? FindId(ObjectType type, long id, bool archived) => Records.TryGetValue(new(type.Number, id), out var record) && record.ArchivedAt is not null == archived ? record : null;

    public Record? FindUnique(Property property, ReadOnlyMemory<byte> value) => Holders.TryGetValue(PlaceOf(property, value.Span), out var key) ? Records[key] : null;

    public long? FindOwner(Property property, ReadOnlyMemory<byte> value) => FindUnique(property, value)?.Id;

    public long? FindSurvivor(ObjectType type, long id) => Survivors.TryGetValue(new(type.Number, id), out var survivor) ? survivor : null;

    public MemoryState Forward(Key survivor, long merged) => this with
    {
        Survivors = Survivors.SetItems(Survivors.Where(entry => entry.Value == merged).Select(entry => KeyValuePair.Create(entry.Key, survivor.Id))).SetItem(survivor with { Id = merged }, survivor.Id),
    };

    /// <summary>The state without a record, all those that it was merged from, and what their changes held.</summary>
    public MemoryState Without(Key gone)
    {
        var ids = Survivors.Where(entry => entry.Value == gone.Id).Select(entry => entry.Key.Id).Append(gone.Id).ToHashSet();
        return this with
        {
            Records = Records.Remove(gone),
            Survivors = Survivors.RemoveRange(ids.Select(id => gone with { Id = id })),
            Log = [.. Log.Select(entry => ids.Contains(entry.Write.Record.Id) ? entry with { Write = entry.Write with { Content = default, TraceId = null, Record = entry.Write.Record with { Values = default } } } : entry)],
        };
    }

    public static ReadOnlyMemory<byte>? ValueIn(ReadOnlyMemory<byte> values, int number)
    {
        var reader = new ValueReader(values.Span);
        return reader.Seek(number) ? values.Slice(reader.ValueStart, reader.Value.Length) : null;
    }
}
