using Docket.Http;
using Docket.Model;

namespace Docket.Associations;

/// <summary>A label to create. <c>""</c> creates the plain association of two types.</summary>
internal sealed class LabelCreate
{
    static readonly JsonShape<LabelCreate> Shape = new(
        null,
        ["label", "name"],
        ("name", (input, ref json) => input.Name = json.Text()),
        ("label", (input, ref json) => input.Label = json.Text()),
        ("inverseLabel", (input, ref json) => input.InverseLabel = json.Text()));

    public static JsonCursor.Reading<LabelCreate> Read => Shape.Read;

    public string? Name { get; private set; }

    public string? Label { get; private set; }

    public string? InverseLabel { get; private set; }
}

/// <summary>A label to change.</summary>
internal sealed class LabelUpdate
{
    static readonly JsonShape<LabelUpdate> Shape = new(
        null,
        ["label", "associationTypeId"],
        ("associationTypeId", (input, ref json) => input.Id = json.Number()),
        ("label", (input, ref json) => input.Label = json.Text()),
        ("inverseLabel", (input, ref json) => input.InverseLabel = json.Text()));

    public static JsonCursor.Reading<LabelUpdate> Read => Shape.Read;

    public int? Id { get; private set; }

    public string? Label { get; private set; }

    public string? InverseLabel { get; private set; }
}

/// <summary>The rules of a portal's own association types (reference/properties-pipelines-search-associations.md 5.8, objects-other-than-tickets.md 8.7). Pure.</summary>
internal static class LabelRules
{
    /// <summary>The most labels of two object types.</summary>
    const int LabelsMax = 50;

    /// <summary>Creates a label, and the plain association of the two types if they have none; or only that, for an empty label.</summary>
    /// <returns>The new snapshot, and what was asked for.</returns>
    public static (PortalSchema Portal, AssociationDefinition Created) Create(PortalSchema portal, ObjectType from, ObjectType to, LabelCreate input, long now)
    {
        var (name, label) = (input.Name!, input.Label!);
        if (string.IsNullOrWhiteSpace(name))
        {
            throw new Refusal(Faults.BadBodyParameter("name"));
        }

        var plain = portal.Associations.Between(from.Number, to.Number).FirstOrDefault(type => type.Label is null);
        if (label.Length == 0 && plain is not null)
        {
            throw new Refusal(Faults.LabelTaken("", from, to));
        }

        RefuseName(portal, from, to, name, plain);
        if (label.Length == 0)
        {
            return Add(portal, Next(portal, from, to, name, now));
        }

        if (portal.Defined.Count(other => other.Label is not null && other.IsBetween(from.Id, to.Id)) >= LabelsMax)
        {
            throw new Refusal(Faults.TooManyLabels(LabelsMax, from, to));
        }

        // One without a label of its own has that of the other direction.
        var inverse = string.IsNullOrEmpty(input.InverseLabel) ? label : input.InverseLabel;
        RefuseLabels(portal, from, to, label, inverse, except: null);
        var whole = plain is null ? Add(portal, Next(portal, from, to, PlainName(from, to), now)).Portal : portal;
        return Add(whole, Next(whole, from, to, name, now) with { Label = label, InverseLabel = inverse });
    }

    /// <summary>Changes the labels of both directions. Names stay.</summary>
    public static PortalSchema Update(PortalSchema portal, ObjectType from, ObjectType to, LabelUpdate input)
    {
        var found = Find(portal, from, to, input.Id!.Value);
        if (found.Label is null || string.IsNullOrEmpty(input.Label))
        {
            throw new Refusal(found.Label is null ? Faults.NoSuchLabel() : Faults.BadBodyParameter("label"));
        }

        var (label, inverse) = (input.Label, string.IsNullOrEmpty(input.InverseLabel) ? input.Label : input.InverseLabel);
        var own = found.Id == input.Id ? found : found.Inverse();
        var (start, end) = own.FromObjectTypeId == from.Id ? (from, to) : (to, from);
        RefuseLabels(portal, start, end, label, inverse, except: found);
        var changed = own with { Label = label, InverseLabel = inverse };
        return portal.With(portal.Labels.Replace(found, own == found ? changed : changed.Inverse()));
    }

    /// <summary>Deletes an association type, given by the id of either direction.</summary>
    public static PortalSchema Delete(PortalSchema portal, ObjectType from, ObjectType to, int id, long now) => portal.Without(Find(portal, from, to, id), now);

    static AssociationDefinition Find(PortalSchema portal, ObjectType from, ObjectType to, int id) =>
        portal.Defined.FirstOrDefault(definition => (definition.Id == id || definition.InverseId == id) && definition.IsBetween(from.Id, to.Id)) ?? throw new Refusal(Faults.NoSuchLabel());

    static void RefuseName(PortalSchema portal, ObjectType from, ObjectType to, string name, AssociationType? plain)
    {
        var unlabelled = plain?.Name ?? PlainName(from, to);
        if (Same(name, unlabelled) && plain is not null)
        {
            throw new Refusal(Faults.LabelNameIsPlain(name, unlabelled));
        }

        if (portal.Associations.All.Any(type => Same(type.Name, name)))
        {
            throw new Refusal(Faults.LabelNameTaken(name));
        }
    }

    static void RefuseLabels(PortalSchema portal, ObjectType from, ObjectType to, string label, string inverse, AssociationDefinition? except)
    {
        foreach (var (start, end, wanted) in ((ObjectType, ObjectType, string)[])[(from, to, label), (to, from, inverse)])
        {
            if (portal.Associations.Between(start.Number, end.Number).Any(type => type.Label is { } taken && Same(taken, wanted) && (except is null || !except.Types.Any(own => own.Number == type.Number))))
            {
                throw new Refusal(Faults.LabelTaken(wanted, start, end));
            }
        }
    }

    static (PortalSchema Portal, AssociationDefinition Created) Add(PortalSchema portal, AssociationDefinition definition) => (portal.With(portal.Labels.Add(definition)), definition);

    static AssociationDefinition Next(PortalSchema portal, ObjectType from, ObjectType to, string name, long now) =>
        new(from.Id, to.Id, name, portal.LastAssociation + 1, portal.LastAssociation + 2, now);

    static string PlainName(ObjectType from, ObjectType to) => $"{Word(from)}_to_{Word(to)}";

    static string Word(ObjectType type) => type.Definition?.Name ?? type.Singular;

    static bool Same(string one, string other) => one.Equals(other, StringComparison.OrdinalIgnoreCase);
}
