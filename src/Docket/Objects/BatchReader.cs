using System.Text.Json;
using Docket.Http;
using Docket.Model;
using Docket.Writes;

namespace Docket.Objects;

/// <summary>
/// Reads wanted writes from a body in one pass, without a document tree: names and values point into the body's bytes
/// and are copied only where JSON escapes them. As tolerant as HubSpot: unknown members are passed over, numbers and
/// booleans are taken as text (reference/objects-and-batch.md 1.1).
/// </summary>
internal ref struct BatchReader
{
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
    public static RecordInput[] ReadBatch(RequestBody body, WriteKind kind) => Read(body, (ref reader) => reader.Batch(kind));

    /// <summary>The one input of a single create or update: <c>{"properties":{…}}</c>.</summary>
    /// <exception cref="Refusal">As <see cref="ReadBatch"/>.</exception>
    public static RecordInput ReadSingle(RequestBody body) => Read(body, (ref reader) => reader.Input("properties"));

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
    }

    RecordInput[] Batch(WriteKind kind)
    {
        Expect(JsonTokenType.StartObject, "an object");
        List<RecordInput>? inputs = null;
        while (NextMember())
        {
            if (!IsMember("inputs"u8))
            {
                json.Skip();
                continue;
            }

            Expect(JsonTokenType.StartArray, "an array of inputs");
            inputs = [];
            while (Advance() != JsonTokenType.EndArray)
            {
                inputs.Add(Input(kind switch { WriteKind.Create => "properties", WriteKind.Archive => "id", _ => "id, properties" }));
            }
        }

        return inputs is null ? throw Missing(0, "inputs") : [.. inputs];
    }

    // One input; required names those of its members that must be there.
    RecordInput Input(string required)
    {
        var start = json.TokenStartIndex;
        Expect(JsonTokenType.StartObject, "an object");
        var input = new RecordInput();
        var (hasId, hasProperties) = (false, false);
        while (NextMember())
        {
            if (IsMember("properties"u8))
            {
                hasProperties = true;
                input.Values = Values();
            }
            else if (IsMember("id"u8))
            {
                hasId = true;
                input.Id = Text() ?? default;
            }
            else if (IsMember("idProperty"u8))
            {
                input.IdProperty = Text();
            }
            else if (IsMember("objectWriteTraceId"u8))
            {
                input.TraceId = Text();
            }
            else if (IsMember("associations"u8))
            {
                RefuseAssociations();
            }
            else
            {
                json.Skip();
            }
        }

        if ((required.Contains("id", StringComparison.Ordinal) && !hasId) || (required.Contains("properties", StringComparison.Ordinal) && !hasProperties))
        {
            throw Missing(start, string.Join(", ", required.Split(", ").Where(name => name == "id" ? !hasId : !hasProperties)));
        }

        return input;
    }

    RawValue[] Values()
    {
        Expect(JsonTokenType.StartObject, "an object of property values");
        values.Clear();
        while (Advance() != JsonTokenType.EndObject)
        {
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

        try
        {
            var copy = new byte[json.ValueSpan.Length];
            return copy.AsMemory(0, json.CopyString(copy));
        }
        catch (InvalidOperationException)
        {
            throw IncompleteSurrogates();
        }
    }

    // \ud83d without its other half.
    readonly Refusal IncompleteSurrogates() => Refuse("Incomplete surrogate pair in a text");

    // Docket keeps tickets only, so there is nothing yet that an association could lead to; to drop it silently would be a lie.
    void RefuseAssociations()
    {
        using var associations = JsonDocument.ParseValue(ref json);
        if (associations.RootElement is not { ValueKind: JsonValueKind.Array } list || list.GetArrayLength() == 0)
        {
            return;
        }

        try
        {
            throw new Refusal(Faults.AssociationsInvalid(list.EnumerateArray().Select(item =>
                item.ValueKind == JsonValueKind.Object && item.TryGetProperty("to", out var to) && to.ValueKind == JsonValueKind.Object && to.TryGetProperty("id", out var id)
                    ? id.ToString()
                    : item.GetRawText())));
        }
        catch (InvalidOperationException)
        {
            throw IncompleteSurrogates();
        }
    }

    /// <summary>Goes to the value of the next member of an object; <c>false</c> at its end.</summary>
    bool NextMember()
    {
        if (Advance() == JsonTokenType.EndObject)
        {
            return false;
        }

        member = json.ValueIsEscaped ? StringToken().Span : json.ValueSpan;
        Advance();
        return true;
    }

    ReadOnlySpan<byte> member;

    readonly bool IsMember(ReadOnlySpan<byte> name) => member.SequenceEqual(name);

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
