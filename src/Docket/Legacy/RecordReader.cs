using System.Collections.Immutable;
using System.Text;
using Docket.Http;
using Docket.Model;
using Docket.Writes;

namespace Docket.Legacy;

/// <summary>Reads the bodies of version 1: a record is a list of <c>{"name":…,"value":…}</c>.</summary>
internal static class RecordReader
{
    /// <summary>Most values in an input: more than a portal can have properties, but limits memory.</summary>
    const int ValuesMax = 2_000;

    /// <summary>Most records in a batch of contacts, companies or deals.</summary>
    const int BatchMax = 1_000;

    static readonly JsonShape<SentValue> Named = Value("name");

    static readonly JsonShape<SentIds> Ids = new(null, ["ids"], ("ids", (sent, ref json) => sent.Ids = json.Texts("a list of ids")));

    static readonly JsonShape<SentTies> Ties = SentTies.Shape(RecordAnswers.DealTies);

    /// <summary>One record.</summary>
    /// <exception cref="Refusal">400 with line and column.</exception>
    public static RecordInput ReadOne(RequestBody body) => JsonCursor.Read(body, Input);

    /// <summary>A list of records.</summary>
    /// <exception cref="Refusal">400 with line and column; 400 for none or too many.</exception>
    public static RecordInput[] ReadAll(RequestBody body) =>
        JsonCursor.Read(body, static (ref json) => json.IsNull ? throw json.Unexpected("a list of records") : json.List("a list of records", Input)) is { Count: > 0 } inputs ? [.. inputs] : throw new Refusal(Faults.NoInputs());

    /// <summary>A batch of records, each with what identifies it.</summary>
    /// <param name="body">The body.</param>
    /// <param name="what">What errors call it.</param>
    /// <param name="shape">The form of a record.</param>
    /// <exception cref="Refusal">400 with line and column; 400 for none or too many.</exception>
    public static List<SentRecord> ReadBatch(RequestBody body, string what, JsonShape<SentRecord> shape)
    {
        var sent = JsonCursor.Read(body, (ref json) => json.IsNull ? throw json.Unexpected(what) : json.List(what, shape.Read)!);
        return sent.Count is > 0 and <= BatchMax ? sent : throw new Refusal(sent.Count == 0 ? Faults.NoInputs() : Faults.TooManyInputs(BatchMax));
    }

    /// <summary>The ids of a batch read. One that is no number is that of no record.</summary>
    /// <exception cref="Refusal">400 with line and column; 400 for too many.</exception>
    public static ImmutableArray<long> ReadIds(RequestBody body)
    {
        var ids = JsonCursor.Read(body, static (ref json) => Ids.Read(ref json)).Ids!;
        return ids.Count > Validation.InputsMax ? throw new Refusal(Faults.TooManyInputs(Validation.InputsMax))
            : [.. ids.Select(id => Record.ParseId(Encoding.UTF8.GetBytes(id))).OfType<long>().Distinct()];
    }

    /// <summary>Reads an object with <c>properties</c>, a list of values that are named by <paramref name="name"/>.</summary>
    public static JsonShape<SentRecord> Shape(string name)
    {
        var value = Value(name);
        return new(null, ["properties"],
            ("properties", (sent, ref json) => sent.Values = Values(ref json, value)),
            ("vid", (sent, ref json) => sent.Id = json.Utf8Text()),
            ("email", (sent, ref json) => sent.Email = json.Utf8Text()),
            ("objectId", (sent, ref json) => sent.Id = json.Utf8Text()),
            ("associations", (sent, ref json) => sent.Ties = json.IsNull ? [] : Ties.Read(ref json).All));
    }

    static RecordInput Input(ref JsonCursor json) => new() { Values = Values(ref json, Named) };

    static RawValue[] Values(ref JsonCursor json, JsonShape<SentValue> value)
    {
        json.BeginList("a list of property values");
        var values = new List<RawValue>();
        while (json.NextItem())
        {
            var sent = value.Read(ref json);
            values.Add(values.Count < ValuesMax ? new(sent.Name, sent.Value ?? default, sent.Value is null) : throw json.Refuse($"More than {ValuesMax} properties in one input"));
        }

        return [.. values];
    }

    static JsonShape<SentValue> Value(string name) => new(
        null,
        [name],
        (name, (sent, ref json) => sent.Name = json.Utf8Text() ?? default),
        ("value", (sent, ref json) => sent.Value = json.Utf8Text()));

    sealed class SentValue
    {
        public ReadOnlyMemory<byte> Name { get; set; }

        public ReadOnlyMemory<byte>? Value { get; set; }
    }

    sealed class SentIds
    {
        public List<string>? Ids { get; set; }
    }
}

/// <summary>A record in a body of its own or of a batch, with what identifies it there.</summary>
internal sealed class SentRecord
{
    public RawValue[] Values { get; set; } = [];

    public ReadOnlyMemory<byte>? Id { get; set; }

    public ReadOnlyMemory<byte>? Email { get; set; }

    public List<(string Plural, string Id)> Ties { get; set; } = [];
}

/// <summary>The records to associate a record with: lists of ids by type.</summary>
internal sealed class SentTies
{
    public List<(string Plural, string Id)> All { get; } = [];

    /// <summary>Reads an object with lists.</summary>
    public static JsonShape<SentTies> Shape(IEnumerable<(string Member, string Plural)> lists) => new(null, [],
        [.. lists.Select(list => (list.Member, (JsonMember<SentTies>)((ties, ref json) => ties.All.AddRange((json.Texts("a list of ids") ?? []).Select(id => (list.Plural, id))))))]);

    /// <summary>Plain associations of a record of a type.</summary>
    public static RawTie[]? Of(PortalSchema portal, string type, List<(string Plural, string Id)> ties) =>
        ties.Count == 0 ? null : [.. ties.Select(tie => new RawTie(tie.Id, null, [TypeOf(portal, type, tie.Plural)]))];

    static (string Category, int Id) TypeOf(PortalSchema portal, string from, string to)
    {
        var plain = portal.Associations.Between(portal.Find(from)!.Type.Number, portal.Find(to)!.Type.Number).First(type => type.Label is null);
        return (plain.Category, plain.Id);
    }
}
