using System.Text.Json;
using Docket.Http;
using Docket.Model;
using Docket.Watch;
using Docket.Writes;

namespace Docket.Objects;

/// <summary>
/// Reads wanted writes from a body in one pass, without a document tree: names and values point into the body's bytes
/// and are copied only where JSON escapes them. As tolerant as HubSpot: unknown members are passed over, numbers and
/// booleans are taken as text (reference/objects-and-batch.md 1.1).
/// </summary>
internal ref struct BatchReader
{
    /// <summary>Most properties in an input: more than a portal can have, so that a body full of them is not all taken in.</summary>
    const int PropertiesMax = 2_000;

    /// <summary>Longest trace id, in bytes: it is kept with every change.</summary>
    const int TraceIdMax = 1_000;

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

    readonly RequestBody body;
    readonly List<RawValue> values = [];
    Utf8JsonReader json;

    BatchReader(RequestBody body)
    {
        this.body = body;
        json = new Utf8JsonReader(body.Memory.Span);
    }

    /// <summary>The inputs of a batch create, update, upsert or archive.</summary>
    /// <exception cref="Refusal">400 with line and column; 400 for associations, which need records of other types.</exception>
    public static RecordInput[] ReadBatch(RequestBody body, WriteKind kind)
    {
        using var span = Span.Start("parse");
        return Read(body, (ref reader) => reader.Batch(kind));
    }

    /// <summary>The one input of a single create, update or restore: <c>{"properties":{…}}</c>.</summary>
    /// <exception cref="Refusal">As <see cref="ReadBatch"/>.</exception>
    public static RecordInput ReadSingle(RequestBody body, WriteKind kind) => Read(body, (ref reader) => reader.Single(kind));

    /// <summary>One input of a batch on its own.</summary>
    /// <exception cref="Refusal">As <see cref="ReadBatch"/>.</exception>
    public static RecordInput ReadInput(RequestBody body, WriteKind kind) => Read(body, (ref reader) => reader.Input(kind));

    delegate T Reading<out T>(ref BatchReader reader);

    static T Read<T>(RequestBody body, Reading<T> read)
    {
        var reader = new BatchReader(body);
        try
        {
            reader.Advance();
            var result = read(ref reader);
            if (reader.json.Read())
            {
                throw reader.Unexpected("the end");
            }

            return result;
        }
        catch (JsonException malformed)
        {
            throw new Refusal(RequestBody.Malformed(malformed));
        }
        catch (InvalidOperationException)
        {
            // What the parser throws for \ud83d without its other half, in a name or a value.
            throw reader.Refuse("Incomplete surrogate pair in a text");
        }
    }

    RecordInput[] Batch(WriteKind kind)
    {
        Expect(JsonTokenType.StartObject, "an object");
        List<RecordInput>? inputs = null;
        for (var member = NextMember(); member != Member.None; member = NextMember())
        {
            if (member != Member.Inputs)
            {
                json.Skip();
                continue;
            }

            Expect(JsonTokenType.StartArray, "an array of inputs");
            inputs = [];
            while (Advance() != JsonTokenType.EndArray)
            {
                // One too many is enough to be refused; what comes after it is only looked through.
                if (inputs.Count > Validation.InputsMax)
                {
                    json.Skip();
                    continue;
                }

                inputs.Add(Input(kind));
            }
        }

        return inputs is null ? throw Missing(0, "inputs") : [.. inputs];
    }

    RecordInput Single(WriteKind kind)
    {
        var input = Input(kind, single: true);
        // Which record it is stands in the path; what a body says of it is unknown to HubSpot, and ignored.
        input.Id = default;
        input.IdProperty = null;
        return input;
    }

    RecordInput Input(WriteKind kind, bool single = false)
    {
        var start = json.TokenStartIndex;
        Expect(JsonTokenType.StartObject, "an object");
        var input = new RecordInput();
        var (hasId, hasProperties) = (single || kind == WriteKind.Create, kind is WriteKind.Archive or WriteKind.Restore);
        for (var member = NextMember(); member != Member.None; member = NextMember())
        {
            switch (member)
            {
                case Member.Properties:
                    hasProperties = true;
                    input.Values = Values();
                    break;
                case Member.Id:
                    hasId = true;
                    input.Id = Text() ?? default;
                    break;
                case Member.IdProperty:
                    input.IdProperty = Text();
                    break;
                case Member.TraceId:
                    input.TraceId = Text();
                    if (input.TraceId is { Length: > TraceIdMax })
                    {
                        throw Refuse($"objectWriteTraceId is longer than {TraceIdMax} bytes");
                    }

                    break;
                case Member.Associations when kind == WriteKind.Create:
                    RefuseAssociations();
                    break;
                default:
                    json.Skip();
                    break;
            }
        }

        return hasId && hasProperties ? input : throw Missing(start, hasId ? "properties" : hasProperties ? "id" : "id, properties");
    }

    RawValue[] Values()
    {
        Expect(JsonTokenType.StartObject, "an object of property values");
        values.Clear();
        while (Advance() != JsonTokenType.EndObject)
        {
            if (values.Count == PropertiesMax)
            {
                throw Refuse($"More than {PropertiesMax} properties in one input");
            }

            var name = StringToken();
            Advance();
            var value = Text();
            values.Add(new(name, value ?? default, value is null));
        }

        return [.. values];
    }

    // A text, or a number or boolean taken as one; null for JSON null.
    ReadOnlyMemory<byte>? Text() => json.TokenType switch
    {
        JsonTokenType.String => StringToken(),
        JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False => body.Memory.Slice((int)json.TokenStartIndex, json.ValueSpan.Length),
        JsonTokenType.Null => (ReadOnlyMemory<byte>?)null, // spelled out: a bare null would become empty memory
        _ => throw Unexpected("a text"),
    };

    ReadOnlyMemory<byte> StringToken()
    {
        if (!json.ValueIsEscaped)
        {
            return body.Memory.Slice((int)json.TokenStartIndex + 1, json.ValueSpan.Length);
        }

        var copy = new byte[json.ValueSpan.Length];
        return copy.AsMemory(0, json.CopyString(copy));
    }

    // Docket keeps tickets only, so there is nothing yet that an association could lead to; to drop it silently would be a lie.
    void RefuseAssociations()
    {
        using var associations = JsonDocument.ParseValue(ref json);
        if (associations.RootElement is { ValueKind: JsonValueKind.Array } list && list.GetArrayLength() > 0)
        {
            throw new Refusal(Faults.AssociationsInvalid(list.EnumerateArray().Select(item =>
                item.ValueKind == JsonValueKind.Object && item.TryGetProperty("to", out var to) && to.ValueKind == JsonValueKind.Object && to.TryGetProperty("id", out var id)
                    ? id.ToString()
                    : item.GetRawText())));
        }
    }

    /// <summary>Goes to the value of the next member of an object and tells which it is.</summary>
    Member NextMember()
    {
        if (Advance() == JsonTokenType.EndObject)
        {
            return Member.None;
        }

        var member = json.ValueTextEquals("properties"u8) ? Member.Properties
            : json.ValueTextEquals("id"u8) ? Member.Id
            : json.ValueTextEquals("idProperty"u8) ? Member.IdProperty
            : json.ValueTextEquals("objectWriteTraceId"u8) ? Member.TraceId
            : json.ValueTextEquals("associations"u8) ? Member.Associations
            : json.ValueTextEquals("inputs"u8) ? Member.Inputs
            : Member.Other;
        Advance();
        return member;
    }

    JsonTokenType Advance() => json.Read() ? json.TokenType : throw Refuse("Unexpected end of the body");

    void Expect(JsonTokenType type, string what)
    {
        if (json.TokenType != type)
        {
            throw Unexpected(what);
        }
    }

    readonly Refusal Unexpected(string expected) => Refuse($"Expected {expected}, found {Describe(json.TokenType)}");

    readonly Refusal Refuse(string words)
    {
        var (line, column) = body.Position(json.TokenStartIndex);
        return new(Faults.MalformedJson(line, column, words));
    }

    readonly Refusal Missing(long at, string fields)
    {
        // HubSpot counts the column behind the opening brace: 2 for the first of a body.
        var (line, column) = body.Position(at);
        return new(Faults.RequiredFieldsMissing(line, column + 1, fields));
    }

    static string Describe(JsonTokenType type) => type switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.String => "a text",
        JsonTokenType.Number => "a number",
        JsonTokenType.True or JsonTokenType.False => "a boolean",
        JsonTokenType.Null => "null",
        _ => "something else",
    };
}
