using System.Text;
using Docket.ChangeLog;
using Docket.Model;

namespace Docket.Index;

/// <summary>
/// The columns of an index by property: stored values unchanged, derived values calculated as <c>Objects/RecordView.cs</c> does for
/// one record. A result is valid until the next call.
/// </summary>
internal sealed class IndexColumns(SearchIndex index, IndexReader reader, Schema schema, SourceNumbers sources, long now)
{
    readonly ulong[] derived = new ulong[DocSet.Size];
    readonly Dictionary<ulong, ulong> known = [];

    /// <summary>The object type of the properties.</summary>
    public Schema Schema => schema;

    /// <summary>The keys of a property's values in one chunk; 0 for none.</summary>
    public ReadOnlySpan<ulong> Keys(Property property, int chunk) => property.Derivation switch
    {
        Derivation.None => Column(SearchIndex.KeyColumn(property), chunk),
        Derivation.CreateDate => Column(SearchIndex.CreatedColumn, chunk),
        Derivation.LastModifiedDate => Column(SearchIndex.UpdatedColumn, chunk),
        Derivation.HubSpotCreateDate => HubSpotCreateDate(property, chunk),
        Derivation.RecordId => Each(SearchIndex.IdColumn, chunk, id => Key.OfNumber(id)),
        Derivation.SourceType or Derivation.SourceId => EachSource(property, chunk, text => Key.OfText(text)),
        Derivation.IsClosed => IsClosed(chunk, text => Key.OfText(text)),
        Derivation.TimeToClose => TimeToClose(chunk),
        Derivation.CurrentStageEntered => CurrentStageEntered(chunk),
        Derivation.IsOverdue => IsOverdue(chunk, Key.OfText("true"u8), Key.OfText("false"u8)),
        Derivation.OverdueCount => IsOverdue(chunk, Key.OfNumber(1), Key.OfNumber(0)),
        Derivation.SameAsOrigin => Keys(schema.OriginOf(property)!, chunk),
        Derivation.TimeInStage => TimeIn(schema.PlaceOf(property)!, chunk),
        Derivation.AllIds => Each(SearchIndex.IdColumn, chunk, id => Key.OfText(Encoding.ASCII.GetBytes(id.ToString()))),
        Derivation.Coordinates => Each(SearchIndex.IdColumn, chunk, id => Key.OfText(Coordinates(id))),
        Derivation.StoredOrZero => StoredOrZero(property, chunk),
        _ => Constant(property, chunk, (form, text) => form is Form.Number or Form.Moment ? Key.OfValue(form, text) : Key.OfText(text)),
    };

    /// <summary>Like <see cref="Keys"/>, for the hashes of texts and of numbers with inexact keys. Derived numbers always have exact keys.</summary>
    public ReadOnlySpan<ulong> Hashes(Property property, int chunk) => property.Derivation switch
    {
        Derivation.SourceType or Derivation.SourceId => EachSource(property, chunk, index.Hash),
        Derivation.IsClosed => IsClosed(chunk, index.Hash),
        Derivation.IsOverdue => IsOverdue(chunk, index.Hash("true"u8), index.Hash("false"u8)),
        Derivation.SameAsOrigin => Hashes(schema.OriginOf(property)!, chunk),
        Derivation.Coordinates => Each(SearchIndex.IdColumn, chunk, id => index.Hash(Coordinates(id))),
        Derivation.Constant when Key.FormOf(property) is not (Form.Number or Form.Moment) => Constant(property, chunk, (_, text) => index.Hash(text)),
        _ => Column(SearchIndex.HashColumn(property), chunk),
    };

    /// <summary>The possible values of a property whose words are not in postings.</summary>
    public IEnumerable<string> KnownValues(Property property) => property switch
    {
        { Derivation: Derivation.SourceType or Derivation.SourceId } => sources.All.Select(source => Derivations.OfSource(property.Derivation, source)),
        { Derivation: Derivation.Constant } => [Encoding.UTF8.GetString(property.Constant)],
        { Kind: PropertyKind.Bool } => ["true", "false"],
        { Kind: PropertyKind.Pipeline } => schema.Pipelines.Select(pipeline => pipeline.Id),
        { Kind: PropertyKind.Stage } => schema.Pipelines.SelectMany(pipeline => pipeline.Stages).Select(stage => stage.Id),
        _ => property.Definition.Options.Select(option => option.Value),
    };

    delegate ulong FromText(ReadOnlySpan<byte> text);

    ReadOnlySpan<ulong> Column(int column, int chunk) => index.Columns.Values(column, chunk, reader.Column);

    ReadOnlySpan<ulong> Each(int column, int chunk, Func<ulong, ulong> derive)
    {
        var from = Column(column, chunk);
        for (var doc = 0; doc < from.Length; doc++)
        {
            derived[doc] = derive(from[doc]);
        }

        return derived.AsSpan(0, from.Length);
    }

    // The column may end before the last document of the chunk that has a value.
    ReadOnlySpan<ulong> StoredOrZero(Property property, int chunk)
    {
        var (stored, documents) = (Column(SearchIndex.KeyColumn(property), chunk).ToArray(), Column(SearchIndex.IdColumn, chunk).Length);
        for (var doc = 0; doc < documents; doc++)
        {
            derived[doc] = doc < stored.Length && stored[doc] != 0 ? stored[doc] : Key.OfNumber(0);
        }

        return derived.AsSpan(0, documents);
    }

    ReadOnlySpan<ulong> Constant(Property property, int chunk, Func<Form, byte[], ulong> derive)
    {
        var form = Key.FormOf(property);
        var value = derive(form, form == Form.Text ? Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(property.Constant).ToLowerInvariant()) : property.Constant);
        return Each(SearchIndex.IdColumn, chunk, _ => value);
    }

    byte[] Coordinates(ulong id) => Encoding.UTF8.GetBytes(Derivations.Coordinates(schema.Type, (long)id));

    // A portal has only a few sources.
    ReadOnlySpan<ulong> EachSource(Property property, int chunk, FromText derive)
    {
        known.Clear();
        return Each(SearchIndex.SourceColumn, chunk, number =>
        {
            if (!known.TryGetValue(number, out var result) && number != 0) // 0: the record is permanently deleted
            {
                var source = sources.Find((long)number);
                var text = Derivations.OfSource(property.Derivation, source);
                known[number] = result = derive(Encoding.UTF8.GetBytes(Key.FormOf(property) == Form.Text ? text.ToLowerInvariant() : text));
            }

            return result;
        });
    }

    ReadOnlySpan<ulong> HubSpotCreateDate(Property property, int chunk)
    {
        var set = Column(SearchIndex.KeyColumn(property), chunk);
        var created = Column(SearchIndex.CreatedColumn, chunk);
        created.CopyTo(derived);
        for (var doc = 0; doc < set.Length; doc++)
        {
            derived[doc] = set[doc] == 0 ? derived[doc] : set[doc];
        }

        return derived.AsSpan(0, created.Length);
    }

    ReadOnlySpan<ulong> IsClosed(int chunk, FromText derive)
    {
        var (yes, no) = (derive("true"u8), derive("false"u8));
        var closed = ClosedStages();
        return Each(SearchIndex.HashColumn(schema.Stages!.Stage), chunk, stage => closed.Contains(stage) ? yes : no);
    }

    ReadOnlySpan<ulong> IsOverdue(int chunk, ulong yes, ulong no)
    {
        var closed = ClosedStages();
        var stages = Column(SearchIndex.HashColumn(schema.Stages!.Stage), chunk);
        var due = Column(SearchIndex.KeyColumn(schema.Stages!.DueDate!), chunk);
        var ids = Column(SearchIndex.IdColumn, chunk);
        for (var doc = 0; doc < ids.Length; doc++)
        {
            long? moment = doc < due.Length && due[doc] != 0 ? (long)Key.ToNumber(due[doc]) : null;
            derived[doc] = Derivations.IsOverdue(moment, doc < stages.Length && closed.Contains(stages[doc]), now) ? yes : no;
        }

        return derived.AsSpan(0, ids.Length);
    }

    HashSet<ulong> ClosedStages() => schema.Stages!.All.Where(Derivations.IsClosed).Select(place => index.Hash(place.Utf8Id)).ToHashSet();

    ReadOnlySpan<ulong> TimeToClose(int chunk)
    {
        var closed = Column(SearchIndex.KeyColumn(schema.Stages!.ClosedDate!), chunk);
        var created = Column(SearchIndex.CreatedColumn, chunk);
        for (var doc = 0; doc < closed.Length; doc++)
        {
            derived[doc] = closed[doc] == 0 ? 0 : Key.OfNumber(Derivations.TimeToClose((long)Key.ToNumber(closed[doc]), (long)Key.ToNumber(created[doc])));
        }

        return derived.AsSpan(0, closed.Length);
    }

    ReadOnlySpan<ulong> CurrentStageEntered(int chunk)
    {
        var stages = Column(SearchIndex.HashColumn(schema.Stages!.Stage), chunk);
        derived.AsSpan(0, stages.Length).Clear();
        foreach (var place in schema.Stages!.All)
        {
            var stage = index.Hash(place.Utf8Id);
            var entered = Column(SearchIndex.KeyColumn(place.Entered), chunk);
            for (var doc = 0; doc < entered.Length; doc++)
            {
                derived[doc] = stages[doc] == stage ? entered[doc] : derived[doc];
            }
        }

        return derived.AsSpan(0, stages.Length);
    }

    ReadOnlySpan<ulong> TimeIn(StagePlace place, int chunk)
    {
        var stages = Column(SearchIndex.HashColumn(schema.Stages!.Stage), chunk);
        var stage = index.Hash(place.Utf8Id);
        var entered = Column(SearchIndex.KeyColumn(place.Entered), chunk);
        var before = Column(SearchIndex.KeyColumn(place.CumulativeTime), chunk);
        for (var doc = 0; doc < entered.Length; doc++)
        {
            var ended = doc < before.Length && before[doc] != 0 ? (long)Key.ToNumber(before[doc]) : 0;
            derived[doc] = entered[doc] == 0 ? 0 : Key.OfNumber(Derivations.TimeInStage(ended, (long)Key.ToNumber(entered[doc]), stages[doc] == stage, now));
        }

        return derived.AsSpan(0, entered.Length);
    }
}
