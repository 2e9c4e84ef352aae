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

/// <summary>
/// One property of a schema snapshot, with everything that a request needs to know calculated once.
/// </summary>
internal sealed class Property
{
    readonly HashSet<string>.AlternateLookup<ReadOnlySpan<byte>> options;

    /// <param name="type">Its object type.</param>
    /// <param name="entry">The definition and the number.</param>
    /// <param name="rank">See <see cref="Rank"/>.</param>
    /// <param name="ofStages">How properties of the schema's stages are derived, by name.</param>
    public Property(ObjectType type, NumberedProperty entry, int rank, IReadOnlyDictionary<string, Derivation> ofStages)
    {
        var definition = entry.Definition;
        ClaimedAs = this;
        Definition = definition;
        Number = entry.Number;
        Rank = rank;
        Utf8Name = Encoding.UTF8.GetBytes(definition.Name);
        JsonName = JsonEncodedText.Encode(definition.Name, JavaScriptEncoder.UnsafeRelaxedJsonEscaping);
        Kind = KindOf(definition, type.Stages);
        TakesAnyPart = Kind == PropertyKind.Options && IsOpen(definition);
        Calculated = definition.Calculated
            || (definition.FieldType.StartsWith("calculation_", StringComparison.Ordinal) && definition.ModificationMetadata.ReadOnlyValue);
        Derivation = ofStages.TryGetValue(definition.Name, out var derivation) ? derivation
            : definition.HubspotDefined == true ? type.DerivationOf(definition.Name)
            : Derivation.None;
        FollowsAssociations = definition.HubspotDefined == true && type.RollUps.Any(rollUp => rollUp.Sets(definition.Name));
        IsFollowed = definition.HubspotDefined == true && type.Followed?.Names.Contains(definition.Name) == true;
        Constant = Derivation == Derivation.Constant ? Encoding.UTF8.GetBytes(type.Constants[definition.Name]) : [];
        Rule = definition.HubspotDefined == true ? type.Values.GetValueOrDefault(definition.Name) : null;
        options = new HashSet<string>(definition.Options.Select(option => option.Value), Utf8Names.Comparer)
            .GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    public PropertyDefinition Definition { get; }

    /// <summary>The number of the property in stored values: unique in a portal, never reused.</summary>
    public int Number { get; }

    /// <summary>Index in alphabetical order among the properties of the snapshot, from 0.</summary>
    public int Rank { get; }

    public string Name => Definition.Name;

    public byte[] Utf8Name { get; }

    public JsonEncodedText JsonName { get; }

    public PropertyKind Kind { get; }

    /// <summary>Whether its values are free texts, in which each character counts. Unlike <see cref="PropertyKind.Text"/>, it excludes options that are stored elsewhere.</summary>
    public bool IsText => Definition.Type is not ("enumeration" or "bool" or "number" or "date" or "datetime");

    public bool Unique => Definition.HasUniqueValue;

    /// <summary>
    /// The unique property whose values its own ones are among: a value of one is in no record a value of the other. <c>email</c> for
    /// <c>hs_additional_emails</c> (<see cref="ObjectType.Several"/>), for nearly all itself.
    /// </summary>
    public Property ClaimedAs { get; private set; }

    /// <summary>The property with further values of this one; <c>null</c> for nearly all.</summary>
    public Property? More { get; private set; }

    /// <summary>Whether each part of its values is a unique value.</summary>
    public bool HasParts => !ReferenceEquals(ClaimedAs, this);

    public bool ReadOnly => Definition.ModificationMetadata.ReadOnlyValue || Calculated;

    public bool Calculated { get; }

    public Derivation Derivation { get; }

    /// <summary>Whether it is one of <see cref="ObjectType.RollUps"/>.</summary>
    public bool FollowsAssociations { get; }

    /// <summary>Whether it is rolled up in other records: one of <see cref="ObjectType.Followed"/>.</summary>
    public bool IsFollowed { get; }

    /// <summary>Its value in every record if it is a <see cref="Derivation.Constant"/>.</summary>
    public byte[] Constant { get; }

    /// <summary>See <see cref="ObjectType.Values"/>; <c>null</c> for nearly all.</summary>
    public ValueRule? Rule { get; }

    /// <summary>For <see cref="PropertyKind.Options"/>: whether any text is accepted as a part.</summary>
    public bool TakesAnyPart { get; }

    /// <summary>Joins a property with the one of its further values, while their schema is built.</summary>
    public void Join(Property more)
    {
        More = more;
        more.ClaimedAs = Unique ? this : more;
    }

    public bool HasOption(ReadOnlySpan<byte> value) => options.Contains(value);

    // Options that are stored elsewhere (teams, users, inboxes) can't be checked here, and those of HubSpot's own properties may be
    // unknown (reference/objects-other-than-tickets.md 13 [decide]).
    static bool IsOpen(PropertyDefinition definition) => definition.ExternalOptions || (definition.HubspotDefined == true && definition.Options.IsEmpty);

    static PropertyKind KindOf(PropertyDefinition definition, StageRules? stages) => definition.Type switch
    {
        "number" => PropertyKind.Number,
        "bool" => PropertyKind.Bool,
        "date" => PropertyKind.Date,
        "datetime" => PropertyKind.DateTime,
        "enumeration" when definition.ReferencedObjectType == "OWNER" && definition.FieldType != "checkbox" => PropertyKind.Owner,
        "enumeration" when definition.HubspotDefined == true && definition.Name == stages?.Pipeline => PropertyKind.Pipeline,
        "enumeration" when definition.HubspotDefined == true && definition.Name == stages?.Stage => PropertyKind.Stage,
        "enumeration" when definition.FieldType == "checkbox" => PropertyKind.Options,
        "enumeration" when IsOpen(definition) => PropertyKind.Text,
        "enumeration" => PropertyKind.Option,
        _ => PropertyKind.Text,
    };
}
