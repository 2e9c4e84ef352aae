using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using Docket.Http;
using Docket.Model;
using Docket.Watch;
using Docket.Writes;

namespace Docket.Objects;

/// <summary>
/// Reads writes from a body in one pass, without a document tree: names and values point into the body's bytes and are copied only if
/// JSON escapes them. As tolerant as HubSpot: unknown members are ignored, numbers and booleans are accepted as text
/// (reference/objects-and-batch.md 1.1).
/// </summary>
internal sealed class BatchReader
{
    /// <summary>Most properties in an input: more than a portal can have, but limits memory for a body full of them.</summary>
    const int PropertiesMax = 2_000;

    /// <summary>Longest trace id, in bytes: it is stored with every change.</summary>
    const int TraceIdMax = 1_000;

    /// <summary>Names of properties are shorter than this, in characters, and lower case (reference/properties-pipelines-search-associations.md 1.4).</summary>
    const int NameMax = 100;

    /// <summary>Characters in names that need no further check.</summary>
    static readonly SearchValues<byte> PlainNameBytes = SearchValues.Create([.. Enumerable.Range(0, 128).Select(sign => (byte)sign).Where(sign => !char.IsAsciiLetterUpper((char)sign))]);

    static readonly string[] BatchMembers = ["inputs"];

    static readonly string[] InputMembers = ["properties", "id", "idProperty", "objectWriteTraceId"];

    enum Member
    {
        None,
        Inputs,
        Properties,
        Id,
        IdProperty,
        TraceId,
        Associations,
        Other,
    }

    static readonly JsonShape<SentTie> TieTarget = new(null, ["id"], ("id", (to, ref json) => to.Id = json.Text()), ("idProperty", (to, ref json) => to.IdProperty = json.Text()));

    static readonly JsonShape<SentTie> Tie = new(
        null,
        ["to", "types"],
        ("to", (tie, ref json) => (tie.Id, tie.IdProperty) = TieTarget.Read(ref json) is var to ? (to.Id, to.IdProperty) : default),
        ("types", (tie, ref json) => tie.Types = AssociationSpecs.Read(ref json)));

    readonly WriteKind kind;
    readonly bool withTies;
    readonly List<RawValue> values = [];

    // The texts of the inputs, if equal ones count once.
    HashSet<string>? equal;

    // Invalid names of properties, and where the first input with one ends.
    HashSet<string>? badNames;
    (long Line, long Column) badNamesAt;

    BatchReader(WriteKind kind, OptionalFeatures features)
    {
        this.kind = kind;
        withTies = kind == WriteKind.Create || features.HasFlag(OptionalFeatures.Associations);
    }

    /// <summary>The inputs of a batch create, update, upsert or archive.</summary>
    /// <param name="body">The body.</param>
    /// <param name="kind">The kind of write.</param>
    /// <param name="features">The optional features of the request.</param>
    /// <param name="equalOnce">Whether an input with the same text as an earlier one is left out (<see cref="ObjectType.CreatesEqualOnce"/>).</param>
    /// <exception cref="Refusal">400 with line and column.</exception>
    public static RecordInput[] ReadBatch(RequestBody body, WriteKind kind, OptionalFeatures features = OptionalFeatures.None, bool equalOnce = false)
    {
        using var span = Span.Start("parse");
        return JsonCursor.Read(body, new BatchReader(kind, features) { equal = equalOnce ? new HashSet<string>(Utf8Names.Comparer) : null }.Batch);
    }

    /// <summary>The input of a single create, update or restore: <c>{"properties":{…}}</c>.</summary>
    /// <exception cref="Refusal">See <see cref="ReadBatch"/>.</exception>
    public static RecordInput ReadSingle(RequestBody body, WriteKind kind, OptionalFeatures features = OptionalFeatures.None)
    {
        var input = JsonCursor.Read(body, new BatchReader(kind, features).Single);
        // The path contains the record's id; HubSpot doesn't know the members for it in this body and ignores them.
        input.Id = default;
        input.IdProperty = null;
        return input;
    }

    /// <summary>One input of a batch by itself.</summary>
    /// <exception cref="Refusal">See <see cref="ReadBatch"/>.</exception>
    public static RecordInput ReadInput(RequestBody body, WriteKind kind, OptionalFeatures features = OptionalFeatures.None) => JsonCursor.Read(body, new BatchReader(kind, features).InputOfBatch);

    RecordInput[] Batch(ref JsonCursor json)
    {
        var batch = json.At;
        json.BeginObject();
        List<RecordInput>? inputs = null;
        for (var member = NextMember(ref json); member != Member.None; member = NextMember(ref json))
        {
            if (member != Member.Inputs)
            {
                json.SkipUnread(BatchMembers);
                continue;
            }

            if (inputs is not null)
            {
                throw json.Refuse(Faults.InputsTwice);
            }

            json.BeginList("an array of inputs");
            inputs = [];
            while (json.NextItem())
            {
                // One input too many is enough to refuse the batch; the rest is only parsed.
                if (inputs.Count > Validation.InputsMax)
                {
                    json.Skip();
                    continue;
                }

                var start = json.At;
                var input = Input(ref json, needsId: kind != WriteKind.Create);
                if (equal is null || equal.GetAlternateLookup<ReadOnlySpan<byte>>().Add(json.TextFrom(start)))
                {
                    inputs.Add(input);
                }
            }
        }

        RefuseBadNames();
        return inputs is null ? throw json.Missing(batch, "inputs") : [.. inputs];
    }

    RecordInput Single(ref JsonCursor json)
    {
        var input = Input(ref json, needsId: false);
        RefuseBadNames();
        return input;
    }

    RecordInput InputOfBatch(ref JsonCursor json)
    {
        var input = Input(ref json, needsId: kind != WriteKind.Create);
        RefuseBadNames();
        return input;
    }

    RecordInput Input(ref JsonCursor json, bool needsId)
    {
        var start = json.At;
        json.BeginObject();
        var input = new RecordInput();
        var (hasId, hasProperties, badBefore) = (!needsId, kind is WriteKind.Archive or WriteKind.Restore, badNames is not null);
        for (var member = NextMember(ref json); member != Member.None; member = NextMember(ref json))
        {
            switch (member)
            {
                case Member.Properties:
                    hasProperties = true;
                    input.Values = Values(ref json);
                    break;
                case Member.Id:
                    hasId = true;
                    input.Id = json.Utf8Text() ?? default;
                    break;
                case Member.IdProperty:
                    input.IdProperty = json.Utf8Text();
                    break;
                case Member.TraceId:
                    input.TraceId = json.Utf8Text();
                    if (input.TraceId is { Length: > TraceIdMax })
                    {
                        throw json.Refuse($"objectWriteTraceId is longer than {TraceIdMax} bytes");
                    }

                    break;
                case Member.Associations when withTies:
                    input.Ties = json.List("a list of associations", static (ref json) => Tie.Read(ref json)) is { Count: > 0 } ties ? [.. ties.Select(tie => tie.ToRaw())] : null;
                    break;
                default:
                    json.SkipUnread(InputMembers);
                    break;
            }
        }

        if (!badBefore && badNames is not null)
        {
            badNamesAt = json.Position;
        }

        return hasId && hasProperties ? input : throw json.Missing(start, hasId ? "properties" : hasProperties ? "id" : "id, properties");
    }

    RawValue[] Values(ref JsonCursor json)
    {
        json.BeginObject("an object of property values");
        values.Clear();
        while (json.NextName())
        {
            if (values.Count == PropertiesMax)
            {
                throw json.Refuse($"More than {PropertiesMax} properties in one input");
            }

            var name = json.Utf8Token();
            NoteBadName(name.Span);
            json.Advance();
            var value = json.Utf8Text();
            values.Add(new(name, value ?? default, value is null));
        }

        return [.. values];
    }

    void NoteBadName(ReadOnlySpan<byte> name)
    {
        if (name.Length < NameMax && !name.ContainsAnyExcept(PlainNameBytes))
        {
            return;
        }

        var text = Encoding.UTF8.GetString(name);
        if ((text.Length >= NameMax || text.Any(sign => char.ToLowerInvariant(sign) != sign)) && badNames is not { Count: >= Validation.FaultsMax })
        {
            (badNames ??= new(StringComparer.Ordinal)).Add(text);
        }
    }

    // HubSpot's parser refuses such a name before it looks up the property, so the whole request is refused, with or without trace ids.
    void RefuseBadNames()
    {
        if (badNames is not null)
        {
            throw new Refusal(Faults.PropertyNamesInvalid(badNamesAt.Line, badNamesAt.Column, badNames));
        }
    }

    /// <summary>Moves to the value of the next member of an object and returns which it is.</summary>
    static Member NextMember(ref JsonCursor json)
    {
        if (!json.NextName())
        {
            return Member.None;
        }

        var member = json.Is("properties"u8) ? Member.Properties
            : json.Is("id"u8) ? Member.Id
            : json.Is("idProperty"u8) ? Member.IdProperty
            : json.Is("objectWriteTraceId"u8) ? Member.TraceId
            : json.Is("associations"u8) ? Member.Associations
            : json.Is("inputs"u8) ? Member.Inputs
            : Member.Other;
        json.Advance();
        return member;
    }

    /// <summary>An association in an input, or its target.</summary>
    sealed class SentTie
    {
        public string? Id { get; set; }

        public string? IdProperty { get; set; }

        public ImmutableArray<(string Category, int Id)> Types { get; set; }

        public RawTie ToRaw() => new(Id!, IdProperty, Types);
    }
}
