using System.Collections.Immutable;
using System.Text.Json;

namespace Docket.Model.Types;

/// <summary>What several types are made of.</summary>
internal static class TypeParts
{
    /// <summary>The properties that show what created a record, in every answer to a write.</summary>
    public static readonly ImmutableArray<string> Source = ["hs_object_source", "hs_object_source_id", "hs_object_source_label"];

    /// <summary>The properties that every read of a plain type returns (reference/objects-other-than-tickets.md 1.4).</summary>
    public static readonly ImmutableArray<string> Always = ["hs_createdate", "hs_lastmodifieddate", "hs_object_id"];

    // The labels of HubSpot's groups, which the definitions name.
    static readonly ImmutableDictionary<string, string> GroupLabels = ImmutableDictionary.CreateRange(new KeyValuePair<string, string>[]
    {
        new("analyticsinformation", "Analytics information"),
        new("company_activity", "Company activity"),
        new("companyinformation", "Company information"),
        new("companylcs", "Company lifecycle stage properties"),
        new("contact_activity", "Contact activity"),
        new("contactinformation", "Contact information"),
        new("contactlcs", "Contact lifecycle stage properties"),
        new("contactscripted", "Contact scripted properties"),
        new("conversioninformation", "Conversion information"),
        new("deal_activity", "Deal activity"),
        new("deal_information", "Deal information"),
        new("deal_revenue", "Deal revenue"),
        new("dealinformation", "Deal information"),
        new("dealstages", "Deal stage properties"),
        new("emailinformation", "Email information"),
        new("engagement", "Engagement information"),
        new("facebook_ads_properties", "Facebook ads properties"),
        new("lineiteminformation", "Line item information"),
        new("productinformation", "Product information"),
        new("sales_properties", "Sales properties"),
        new("socialmediainformation", "Social media information"),
        new("targetaccountsinformation", "Target accounts information"),
    });

    /// <summary>A type that has nothing special: its own scopes, and the properties of every type.</summary>
    /// <param name="id">The id on the wire.</param>
    /// <param name="plural">The plural used in paths.</param>
    /// <param name="singular">The singular.</param>
    /// <param name="seed">Its properties, groups and pipelines.</param>
    public static ObjectType Plain(string id, string plural, string singular, Func<TypeSeed> seed) => new()
    {
        Id = id,
        Plural = plural,
        Singular = singular,
        LegacyName = singular.ToUpperInvariant(),
        ReadAlways = Always,
        ReadDefault = Always,
        AfterUpdate = [.. Always, .. Source],
        AfterCreate = [.. Always, .. Source],
        AfterMerge = [.. Always, .. Source, "hs_merged_object_ids"],
        Scopes = ScopesOf(plural),
        Associations = HubSpotAssociations.From,
        Seed = seed,
    };

    /// <summary>The scopes of most types (reference/objects-other-than-tickets.md 1.2).</summary>
    /// <param name="name">The name in the scopes.</param>
    /// <param name="also">Scopes that allow everything besides.</param>
    public static TypeScopes ScopesOf(string name, params ReadOnlySpan<string> also) => new(
        Read: new([$"crm.objects.{name}.read", .. also], Named: [$"crm.schemas.{name}.read", $"crm.objects.{name}.read"]),
        Write: new([$"crm.objects.{name}.write", .. also], Named: [$"crm.objects.{name}.write"]),
        ReadSchema: new([$"crm.schemas.{name}.read", $"crm.objects.{name}.read", .. also], Named: [$"crm.schemas.{name}.read"]),
        WriteSchema: new([$"crm.schemas.{name}.write", .. also], Named: [$"crm.schemas.{name}.write"]));

    /// <summary>Properties that all have the same value in every record (<see cref="ObjectType.Constants"/>).</summary>
    public static ImmutableDictionary<string, string> All(string value, params ImmutableArray<string> names) =>
        names.ToImmutableDictionary(name => name, _ => value, StringComparer.Ordinal);

    /// <summary>When the owner was assigned.</summary>
    public const string OwnerAssigned = "hubspot_owner_assigneddate";

    const string Owner = "hubspot_owner_id";

    /// <summary>Properties that have the id of the owner, which is also that of the user.</summary>
    public static readonly ImmutableDictionary<string, string> Owners = ImmutableDictionary.CreateRange([KeyValuePair.Create("hs_all_owner_ids", Owner), new("hs_user_ids_of_all_owners", Owner)]);

    /// <summary>Sets the date of a new owner.</summary>
    public static void FollowOwner(Draft draft)
    {
        if (draft.Changes(Owner))
        {
            draft.SetMoment(OwnerAssigned, draft.After(Owner).IsEmpty ? null : draft.Now);
        }
    }

    /// <summary>Sets the form of a phone number in which it is searched: <c>+1 555-1234</c> gives <c>15551234</c> (reference/objects-other-than-tickets.md 2.4).</summary>
    public static void FollowPhone(Draft draft, string phone, string digits)
    {
        if (draft.Changes(phone))
        {
            draft.Set(digits, string.Concat(draft.Text(phone).Where(char.IsAsciiDigit)));
        }
    }

    /// <summary>The definitions of a type from its file in <c>Properties/</c>, with the groups that they name.</summary>
    public static TypeSeed SeedOf(string file, params ImmutableArray<string> foremost) => SeedOf(ReadProperties(file), foremost);

    /// <summary>The seed of a type without recorded definitions: those that every type has, and its own.</summary>
    /// <param name="group">The group of all of them.</param>
    /// <param name="label">The group's label.</param>
    /// <param name="own">Its own properties, by frequency.</param>
    public static TypeSeed SeedOf(string group, string label, params ImmutableArray<PropertyDefinition> own) => new(
        [.. ReadProperties("custom_objects").Select(definition => definition with { GroupName = group }), .. own.Select(definition => definition with { GroupName = group })],
        [.. own.Select(definition => definition.Name)],
        [new(group, label, 0, false)],
        []);

    /// <summary>A property of HubSpot's that can be written.</summary>
    public static PropertyDefinition Own(string name, string label, string type = "string", string? fieldType = null) => new()
    {
        Name = name,
        Label = label,
        Type = type,
        FieldType = fieldType ?? type switch { "number" => "number", "datetime" or "date" => "date", "bool" => "booleancheckbox", _ => "text" },
        GroupName = "",
        HubspotDefined = true,
        ModificationMetadata = new() { ReadOnlyDefinition = true },
    };

    /// <summary>A property of HubSpot's that the server fills in.</summary>
    public static PropertyDefinition Calculated(string name, string type = "number") => Own(name, LabelOf(name), type, type == "datetime" ? "date" : "calculation_equation") with
    {
        Calculated = true,
        ModificationMetadata = new() { ReadOnlyDefinition = true, ReadOnlyValue = true },
    };

    /// <summary>Makes the values of a property writable that HubSpot's definition, but not its documentation, calls read only.</summary>
    public static PropertyDefinition Writable(PropertyDefinition definition) =>
        definition with { ModificationMetadata = definition.ModificationMetadata with { ReadOnlyValue = false } };

    /// <summary>Adds definitions that HubSpot's answers show but the recorded ones lack. Those that are there stay.</summary>
    public static TypeSeed With(this TypeSeed seed, string group, params ImmutableArray<PropertyDefinition> definitions)
    {
        var known = seed.Properties.Select(definition => definition.Name).ToHashSet(StringComparer.Ordinal);
        return seed with { Properties = [.. seed.Properties, .. definitions.Where(definition => known.Add(definition.Name)).Select(definition => definition with { GroupName = group })] };
    }

    /// <summary>Changes one of the definitions.</summary>
    public static TypeSeed Change(this TypeSeed seed, string name, Func<PropertyDefinition, PropertyDefinition> change) =>
        seed with { Properties = [.. seed.Properties.Select(definition => definition.Name == name ? change(definition) : definition)] };

    /// <summary>Adds pipelines to a seed, with the properties of their stages that the definitions lack.</summary>
    public static TypeSeed With(this TypeSeed seed, ObjectType type, params ImmutableArray<Pipeline> pipelines)
    {
        var known = seed.Properties.Select(definition => definition.Name).ToHashSet(StringComparer.Ordinal);
        var group = type.Stages!.Group;
        return seed with
        {
            Properties =
            [
                .. seed.Properties,
                .. pipelines.SelectMany(pipeline => pipeline.Stages.SelectMany(stage => StageProperties.Define(type, pipeline, stage))).Where(definition => !known.Contains(definition.Name)),
            ],
            Groups = seed.Groups.Any(known => known.Name == group) ? seed.Groups : [.. seed.Groups, GroupOf(group, seed.Groups.Length)],
            Pipelines = pipelines,
        };
    }

    // Such as "Number of overdue tasks" for hs_number_of_overdue_tasks.
    static string LabelOf(string name)
    {
        var words = (name.StartsWith("hs_", StringComparison.Ordinal) ? name[3..] : name).Replace('_', ' ');
        return char.ToUpperInvariant(words[0]) + words[1..];
    }

    /// <summary>Reads the definitions of a type from its file in <c>Properties/</c>.</summary>
    public static ImmutableArray<PropertyDefinition> ReadProperties(string file)
    {
        var name = $"Docket.Properties.{file}.json";
        using var json = typeof(TypeParts).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"There is no embedded {name}.");
        return [.. JsonSerializer.Deserialize(json, SchemaJson.Default.PropertyDefinitionArray)!];
    }

    static TypeSeed SeedOf(ImmutableArray<PropertyDefinition> properties, ImmutableArray<string> foremost) => new(
        properties,
        foremost,
        [.. properties.Select(definition => definition.GroupName).Distinct().Order(StringComparer.Ordinal).Select(GroupOf)],
        []);

    static PropertyGroup GroupOf(string name, int position) => new(name, GroupLabels.GetValueOrDefault(name) ?? $"{char.ToUpperInvariant(name[0])}{name[1..]} information", position, false);
}
