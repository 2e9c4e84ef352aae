using System.Collections.Immutable;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Docket.Model;

/// <summary>How the values of a property are checked and normalised.</summary>
internal enum PropertyKind
{
    Text,
    Number,
    Bool,
    Option,
    Options,
    Date,
    DateTime,
    Owner,
    Pipeline,
    Stage,
}

/// <summary>Where the value of a property comes from when it is not stored under its own name.</summary>
internal enum Derivation
{
    /// <summary>Stored as written.</summary>
    None,
    CreateDate,
    HubSpotCreateDate,
    LastModifiedDate,
    RecordId,
    SourceType,
    SourceId,
    IsClosed,
    TimeToClose,

    /// <summary>The moment the current stage was entered.</summary>
    CurrentStageEntered,

    /// <summary>The same value as <see cref="Property.Origin"/>: the older spelling of a stage date.</summary>
    SameAsOrigin,

    /// <summary>Milliseconds in a stage up to now, the running visit included.</summary>
    TimeInStage,

    /// <summary>Counts of things Docket has none of yet: always 0.</summary>
    Zero,
}

/// <summary>
/// One property of a schema snapshot, with everything the way of a request asks of it worked out once.
/// </summary>
internal sealed class Property
{
    readonly HashSet<string>.AlternateLookup<ReadOnlySpan<byte>> options;

    public Property(PropertyDefinition definition, int number, int rank)
    {
        Definition = definition;
        Number = number;
        Rank = rank;
        Utf8Name = Encoding.UTF8.GetBytes(definition.Name);
        JsonName = JsonEncodedText.Encode(definition.Name, JavaScriptEncoder.UnsafeRelaxedJsonEscaping);
        Kind = KindOf(definition);
        Calculated = definition.Calculated
            || (definition.FieldType.StartsWith("calculation_", StringComparison.Ordinal) && definition.ModificationMetadata.ReadOnlyValue);
        Derivation = Derivations.GetValueOrDefault(definition.HubspotDefined == true ? definition.Name : "");
        options = new HashSet<string>(definition.Options.Select(option => option.Value), Utf8Names.Comparer)
            .GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    public PropertyDefinition Definition { get; }

    /// <summary>The number that stands for the property in stored values: given once in a portal, never reused.</summary>
    public int Number { get; }

    /// <summary>Place in alphabetical order among the properties of the snapshot, from 0.</summary>
    public int Rank { get; }

    public string Name => Definition.Name;

    public byte[] Utf8Name { get; }

    public JsonEncodedText JsonName { get; }

    public PropertyKind Kind { get; }

    /// <summary>Whether its values are texts of their own, each character of which counts: unlike <see cref="PropertyKind.Text"/> not so for options that are kept elsewhere.</summary>
    public bool IsText => Definition.Type is not ("enumeration" or "bool" or "number" or "date" or "datetime");

    public bool Unique => Definition.HasUniqueValue;

    public bool ReadOnly => Definition.ModificationMetadata.ReadOnlyValue || Calculated;

    public bool Calculated { get; }

    public Derivation Derivation { get; private set; }

    /// <summary>The stored property a derived one follows: see <see cref="Derivation.SameAsOrigin"/> and <see cref="Derivation.TimeInStage"/>.</summary>
    public Property? Origin { get; private set; }

    /// <summary>The stage a per-stage property belongs to, or <c>null</c>.</summary>
    public StagePlace? Place { get; private set; }

    public bool HasOption(ReadOnlySpan<byte> value) => options.Contains(value);

    /// <summary>Marks this as one of a stage's properties: stored (no origin), or derived from <paramref name="origin"/>.</summary>
    public void BelongTo(StagePlace place, Derivation derivation, Property? origin)
    {
        Place = place;
        Derivation = derivation;
        Origin = origin;
    }

    static PropertyKind KindOf(PropertyDefinition definition) => definition.Type switch
    {
        "number" => PropertyKind.Number,
        "bool" => PropertyKind.Bool,
        "date" => PropertyKind.Date,
        "datetime" => PropertyKind.DateTime,
        "enumeration" when definition.ReferencedObjectType == "OWNER" => PropertyKind.Owner,
        "enumeration" when definition.HubspotDefined == true && definition.Name == "hs_pipeline" => PropertyKind.Pipeline,
        "enumeration" when definition.HubspotDefined == true && definition.Name == "hs_pipeline_stage" => PropertyKind.Stage,
        // Options kept elsewhere (teams, users, inboxes) can't be checked here: any text is taken.
        "enumeration" when definition.ExternalOptions => PropertyKind.Text,
        "enumeration" when definition.FieldType == "checkbox" => PropertyKind.Options,
        "enumeration" => PropertyKind.Option,
        _ => PropertyKind.Text,
    };

    static readonly ImmutableDictionary<string, Derivation> Derivations = ImmutableDictionary.CreateRange(new KeyValuePair<string, Derivation>[]
    {
        new("createdate", Derivation.CreateDate),
        new("hs_createdate", Derivation.HubSpotCreateDate),
        new("hs_lastmodifieddate", Derivation.LastModifiedDate),
        new("hs_object_id", Derivation.RecordId),
        new("hs_ticket_id", Derivation.RecordId),
        new("hs_object_source", Derivation.SourceType),
        new("hs_object_source_label", Derivation.SourceType),
        new("hs_object_source_id", Derivation.SourceId),
        new("hs_is_closed", Derivation.IsClosed),
        new("time_to_close", Derivation.TimeToClose),
        new("hs_v2_date_entered_current_stage", Derivation.CurrentStageEntered),
        new("hs_v2_time_in_current_stage", Derivation.CurrentStageEntered),
        new("hs_num_associated_companies", Derivation.Zero),
        new("hs_num_associated_conversations", Derivation.Zero),
        new("hs_num_times_contacted", Derivation.Zero),
        new("num_notes", Derivation.Zero),
    });
}
