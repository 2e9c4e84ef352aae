using System.Text;
using System.Text.Json;
using Docket.Http;
using Docket.Model;
using Docket.Writes;

namespace Docket.Objects;

/// <summary>
/// Shows records by their schema: stored values by name, derived ones calculated. Created once for an answer and positioned on one record
/// after the other.
/// </summary>
internal sealed class RecordView(Schema schema, long now)
{
    static readonly JsonEncodedText Properties = JsonEncodedText.Encode("properties");

    // The position of each property's value in the record's block, by rank; valid if shown equals the current record's turn.
    readonly (int Start, int Length, int Shown)[] places = new (int, int, int)[schema.Properties.Length];
    readonly byte[] derived = new byte[256];
    int turn;
    Record record = null!;

    /// <summary>Whether reads return a property that was never set as <c>null</c>, or omit it; answers to writes always omit it.</summary>
    public bool ShowUnset { get; private init; } = true;

    /// <summary>Whether pipelines, stages, options and owners are shown as labels and addresses.</summary>
    public bool ShowLabels { get; init; }

    /// <summary>The owners whose addresses are shown.</summary>
    public PortalOwners Owners { get; init; } = PortalOwners.None;

    /// <summary>Properties that the caller may not read: left out. <c>null</c> for none.</summary>
    public PropertySet? Hidden { get; init; }

    public Schema Schema => schema;

    public Record Record => record;

    /// <summary>A view for the answer to a call, in the format of its API version; of records as of a time, if there is one.</summary>
    public static RecordView For(Call call, Schema schema, long? asOf = null) => new(schema, Math.Min(asOf ?? call.Now, call.Now)) { ShowUnset = call.Version.ShowsUnset, ShowLabels = call.Features.HasFlag(OptionalFeatures.Labels), Owners = call.Caller.Owners, Hidden = HiddenFrom(call.Caller, schema) };

    static PropertySet? HiddenFrom(Caller caller, Schema schema) => schema.Type.Guarded is { } guarded && !caller.Scopes.Allow(guarded.Need) ? schema.Guarded : null;

    /// <summary>Positions the view on a record.</summary>
    public void Show(Record next)
    {
        record = next;
        turn++;
        var values = new ValueReader(next.Values.Span);
        while (values.Next())
        {
            if (schema.FindNumber(values.Number) is { } property)
            {
                places[property.Rank] = (values.ValueStart, values.Value.Length, turn);
            }
        }
    }

    /// <summary>The value of a property, stored or derived; <c>false</c> if it was never set. Valid until the next call.</summary>
    public bool TryGet(Property property, out ReadOnlySpan<byte> value) =>
        property.Derivation == Derivation.None ? TryGetStored(property, out value) : TryDerive(property, out value);

    /// <summary>Writes <c>properties</c>: those of a set, in alphabetical order. One that was never set is <c>null</c> or omitted.</summary>
    public void WriteProperties(Utf8JsonWriter json, PropertySet set, bool showUnset)
    {
        set = Hidden is { } hidden ? set.Without(hidden) : set;
        json.WriteStartObject(Properties);
        for (var rank = set.Next(0); rank >= 0; rank = set.Next(rank + 1))
        {
            var property = schema.Properties[rank];
            if (TryGet(property, out var value))
            {
                json.WriteString(property.JsonName, ShowLabels ? Shown(property, value) : value);
            }
            else if (showUnset)
            {
                json.WriteNull(property.JsonName);
            }
        }

        json.WriteEndObject();
    }

    /// <summary>A value in the record's history, as it is shown.</summary>
    public string Shown(Property property, string value) =>
        ShowLabels ? Encoding.UTF8.GetString(Shown(property, Encoding.UTF8.GetBytes(value))) : value;

    ReadOnlySpan<byte> Shown(Property property, ReadOnlySpan<byte> value) => property.Kind switch
    {
        PropertyKind.Pipeline when schema.FindPipeline(value) is { } pipeline => Encoding.UTF8.GetBytes(pipeline.Label),
        PropertyKind.Stage when schema.FindStage(value) is { } place => Encoding.UTF8.GetBytes(place.Stage.Label),
        _ => ValueLabels.Show(property, value, Owners), // a deleted one no longer has a label
    };

    bool TryGetStored(Property property, out ReadOnlySpan<byte> value)
    {
        var (start, length, shown) = places[property.Rank];
        value = shown == turn ? record.Values.Span.Slice(start, length) : default;
        return shown == turn;
    }

    bool TryDerive(Property property, out ReadOnlySpan<byte> value)
    {
        switch (property.Derivation)
        {
            case Derivation.CreateDate:
                return Moment(record.CreatedAt, out value);
            case Derivation.HubSpotCreateDate:
                return TryGetStored(property, out value) || Moment(record.CreatedAt, out value);
            case Derivation.StoredOrZero:
                value = TryGetStored(property, out var number) ? number : "0"u8;
                return true;
            case Derivation.LastModifiedDate:
                return Moment(record.UpdatedAt, out value);
            case Derivation.RecordId:
                return Number(record.Id, out value);
            case Derivation.SourceType or Derivation.SourceId:
                return Text(Derivations.OfSource(property.Derivation, record.Source), out value);
            case Derivation.IsClosed:
                value = Derivations.IsClosed(CurrentPlace()) ? "true"u8 : "false"u8;
                return true;
            case Derivation.TimeToClose:
                value = default;
                return TryGetStored(schema.Stages!.ClosedDate!, out var closed) && Instant.Parse(closed) is { } closedAt
                    && Number(Derivations.TimeToClose(closedAt, record.CreatedAt), out value);
            case Derivation.IsOverdue:
                value = IsOverdue() ? "true"u8 : "false"u8;
                return true;
            case Derivation.OverdueCount:
                value = IsOverdue() ? "1"u8 : "0"u8;
                return true;
            case Derivation.CurrentStageEntered:
                value = default;
                return CurrentPlace() is { } current && TryGetStored(current.Entered, out value);
            case Derivation.SameAsOrigin:
                return TryGetStored(schema.OriginOf(property)!, out value);
            case Derivation.TimeInStage:
                return TimeIn(schema.PlaceOf(property)!, out value);
            case Derivation.AllIds:
                return Text(TryGetStored(schema.MergedIds, out var merged) ? $"{record.Id};{Encoding.UTF8.GetString(merged)}" : record.Id.ToString(), out value);
            case Derivation.Coordinates:
                return Text(Derivations.Coordinates(schema.Type, record.Id), out value);
            default:
                value = property.Constant;
                return true;
        }
    }

    StagePlace? CurrentPlace() => schema.Stages is { } stages && TryGetStored(stages.Stage, out var stage) ? stages.Find(stage) : null;

    bool IsOverdue() => Derivations.IsOverdue(
        TryGetStored(schema.Stages!.DueDate!, out var due) ? Instant.Parse(due) : null, Derivations.IsClosed(CurrentPlace()), now);

    bool TimeIn(StagePlace place, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (!TryGetStored(place.Entered, out var entered) || Instant.Parse(entered) is not { } since)
        {
            return false;
        }

        var before = TryGetStored(place.CumulativeTime, out var sum) ? long.Parse(sum) : 0;
        return Number(Derivations.TimeInStage(before, since, CurrentPlace() == place, now), out value);
    }

    bool Moment(long milliseconds, out ReadOnlySpan<byte> value)
    {
        value = derived.AsSpan(0, Instant.Format(milliseconds, derived));
        return true;
    }

    bool Number(long number, out ReadOnlySpan<byte> value)
    {
        number.TryFormat(derived, out var length);
        value = derived.AsSpan(0, length);
        return true;
    }

    bool Text(string text, out ReadOnlySpan<byte> value)
    {
        value = Encoding.UTF8.TryGetBytes(text, derived, out var length) ? derived.AsSpan(0, length) : Encoding.UTF8.GetBytes(text);
        return text.Length > 0;
    }
}
