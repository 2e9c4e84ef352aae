using System.ComponentModel;
using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Model;

namespace Docket.TestKit;

/// <summary>The content of a seed file. Definitions and records are read when they are applied, with the definitions before them.</summary>
internal sealed record SeedBody
{
    public static readonly JsonShape<SeedBody> Shape = new(
        null,
        [],
        ("users", (seed, ref json) => seed.Users = json.List("a list of users", UserBody.Shape.Read)),
        ("groups", (seed, ref json) => seed.Groups = ByType(ref json)),
        ("properties", (seed, ref json) => seed.Properties = ByType(ref json)),
        ("pipelines", (seed, ref json) => seed.Pipelines = ByType(ref json)),
        ("records", (seed, ref json) => seed.Records = ByType(ref json)),
        ("associations", (seed, ref json) => seed.Associations = json.List("a list of associations", SeedAssociationBody.Shape.Read)))
    {
        IsClosed = true,
    };

    [Description("As POST /docket/v1/users takes them.")]
    public List<UserBody>? Users { get; set; }

    [Description("By object type, as POST /crm/v3/properties/{objectType}/groups takes them.")]
    public Dictionary<string, List<JsonElement>>? Groups { get; set; }

    [Description("By object type, as POST /crm/v3/properties/{objectType} takes them.")]
    public Dictionary<string, List<JsonElement>>? Properties { get; set; }

    [Description("By object type, as POST /crm/v3/pipelines/{objectType} takes them.")]
    public Dictionary<string, List<JsonElement>>? Pipelines { get; set; }

    [Description("By object type: properties, and optionally a name in the file and the address of the owner.")]
    public Dictionary<string, List<JsonElement>>? Records { get; set; }

    [Description("Between records with names.")]
    public List<SeedAssociationBody>? Associations { get; set; }

    /// <summary>Reads the content of a file.</summary>
    /// <exception cref="Refusal">400 with line and column.</exception>
    public static SeedBody Read(byte[] file)
    {
        using var body = RequestBody.Of(file);
        return JsonCursor.Read(body, Shape.Read);
    }

    static Dictionary<string, List<JsonElement>>? ByType(ref JsonCursor json)
    {
        if (json.IsNull)
        {
            return null;
        }

        json.BeginObject("lists by object type");
        var all = new Dictionary<string, List<JsonElement>>(StringComparer.Ordinal);
        while (json.NextMember() is { } type)
        {
            all[type] = json.List("a list", Element) ?? [];
        }

        return all;
    }

    static JsonElement Element(ref JsonCursor json)
    {
        json.BeginObject();
        using var document = json.Document();
        return document.RootElement.Clone();
    }
}

/// <summary>A record of a seed file.</summary>
internal sealed record SeedRecord
{
    public static readonly JsonShape<SeedRecord> Shape = new(
        null,
        ["properties"],
        ("name", (record, ref json) => record.Name = json.Text()),
        ("owner", (record, ref json) => record.Owner = json.Text()),
        ("properties", (record, ref json) => json.Skip())) // read as a body of its own
    {
        IsClosed = true,
    };

    /// <summary>Its name in the file, for associations.</summary>
    public string? Name { get; set; }

    /// <summary>The address of its owner.</summary>
    public string? Owner { get; set; }
}

/// <summary>Two records of a seed file to associate.</summary>
internal sealed record SeedAssociationBody
{
    public static readonly JsonShape<SeedAssociationBody> Shape = new(
        null,
        ["from", "to"],
        ("from", (tie, ref json) => tie.From = json.Text() ?? ""),
        ("to", (tie, ref json) => tie.To = json.Text() ?? ""),
        ("label", (tie, ref json) => tie.Label = json.Text()))
    {
        IsClosed = true,
    };

    [Description("The name of a record.")]
    public string From { get; set; } = "";

    [Description("The name of a record.")]
    public string To { get; set; } = "";

    [Description("The label, as seen from the first. By default, there is none.")]
    public string? Label { get; set; }
}
