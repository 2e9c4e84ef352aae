using System.Globalization;
using System.Text;
using System.Text.Json;
using Docket.Model;

namespace Docket.Http;

/// <summary>
/// Reads the JSON of a body in one pass, without a document tree, and reports errors in one format, with line and column
/// (reference/objects-and-batch.md 3.4). As tolerant as HubSpot: numbers and booleans are accepted as text and the reverse
/// (1.1).
/// </summary>
internal ref struct JsonCursor
{
    readonly RequestBody body;
    Utf8JsonReader json;

    // Where the last name in an object starts.
    long nameAt;

    JsonCursor(RequestBody body)
    {
        this.body = body;
        json = new Utf8JsonReader(body.Memory.Span);
    }

    /// <summary>Reads the current value up to its last token.</summary>
    public delegate T Reading<out T>(ref JsonCursor json);

    public readonly JsonTokenType TokenType => json.TokenType;

    public readonly bool IsNull => json.TokenType == JsonTokenType.Null;

    /// <summary>The offset of the current token in the body.</summary>
    public readonly long At => json.TokenStartIndex;

    /// <summary>The text from an offset to the current token.</summary>
    public readonly ReadOnlySpan<byte> TextFrom(long start) => body.Memory.Span[(int)start..(int)At];

    /// <summary>Line and column of the current token, both from 1.</summary>
    public readonly (long Line, long Column) Position => body.Position(json.TokenStartIndex);

    /// <summary>Reads a body as one value.</summary>
    /// <exception cref="Refusal">400 with line and column.</exception>
    public static T Read<T>(RequestBody body, Reading<T> read)
    {
        var cursor = new JsonCursor(body);
        try
        {
            cursor.Advance();
            var value = read(ref cursor);
            return cursor.json.Read() ? throw cursor.Unexpected("the end") : value;
        }
        catch (JsonException malformed)
        {
            throw new Refusal(Malformed(malformed));
        }
        catch (InvalidOperationException)
        {
            // The parser throws this for an unpaired surrogate such as \ud83d, in a name or a value.
            throw cursor.Refuse(Faults.LoneSurrogate);
        }
    }

    /// <summary>The answer to a parser error.</summary>
    public static Error Malformed(JsonException malformed)
    {
        // The parser's own message ends with the position, which is at the start here, and mentions options that only a program can set.
        var words = malformed.Message;
        if (words.StartsWith("The input does not contain any JSON tokens", StringComparison.Ordinal))
        {
            return Faults.NoBody();
        }

        var end = words.IndexOf(" LineNumber: ", StringComparison.Ordinal);
        words = (end < 0 ? words : words[..end]).Replace(" which is not supported in this mode. Change the reader options.", ".", StringComparison.Ordinal);
        return Faults.MalformedJson((malformed.LineNumber ?? 0) + 1, (malformed.BytePositionInLine ?? 0) + 1, words);
    }

    /// <summary>Moves to the next token.</summary>
    public JsonTokenType Advance() => json.Read() ? json.TokenType : throw Refuse("Unexpected end of the body");

    /// <summary>Skips to the last token of the current value.</summary>
    public void Skip() => json.Skip();

    /// <summary>Like <see cref="Skip"/>, for the value of a member that nobody reads.</summary>
    /// <param name="known">The members that are read in its place.</param>
    public void SkipUnread(IEnumerable<string> known)
    {
        if (body.Unread is { } unread)
        {
            var name = new Utf8JsonReader(body.Memory.Span[(int)nameAt..]);
            name.Read();
            unread.Add(name.GetString()!, known);
        }

        json.Skip();
    }

    /// <summary>Requires the start of an object.</summary>
    public readonly void BeginObject(string what = "an object")
    {
        if (json.TokenType != JsonTokenType.StartObject)
        {
            throw Unexpected(what);
        }
    }

    /// <summary>Requires the start of a list.</summary>
    public readonly void BeginList(string what)
    {
        if (json.TokenType != JsonTokenType.StartArray)
        {
            throw Unexpected(what);
        }
    }

    /// <summary>Moves to the next name in an object; <c>false</c> at its end.</summary>
    public bool NextName()
    {
        if (Advance() == JsonTokenType.EndObject)
        {
            return false;
        }

        nameAt = json.TokenStartIndex;
        if (json.ValueIsEscaped)
        {
            _ = json.GetString(); // an unpaired surrogate is refused in ignored names too
        }

        return true;
    }

    /// <summary>Moves to the next entry of a list; <c>false</c> at its end.</summary>
    public bool NextItem() => Advance() != JsonTokenType.EndArray;

    /// <summary>Moves to the value of the next member of an object and returns its name; <c>null</c> at its end.</summary>
    public string? NextMember()
    {
        if (!NextName())
        {
            return null;
        }

        var name = json.GetString()!;
        Advance();
        return name;
    }

    /// <summary>Whether the current token is this name or text.</summary>
    public readonly bool Is(ReadOnlySpan<byte> utf8) => json.ValueTextEquals(utf8);

    /// <summary>A text, or a number or boolean as text; <c>null</c> for JSON null.</summary>
    public readonly string? Text() => json.TokenType switch
    {
        JsonTokenType.String => json.GetString(),
        JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False => Encoding.UTF8.GetString(json.ValueSpan),
        JsonTokenType.Null => null,
        _ => throw Unexpected("a text"),
    };

    /// <summary>Like <see cref="Text"/>, without a copy: points into the body, unless JSON escapes something in it.</summary>
    public readonly ReadOnlyMemory<byte>? Utf8Text() => json.TokenType switch
    {
        JsonTokenType.String => Utf8Token(),
        JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False => body.Memory.Slice((int)json.TokenStartIndex, json.ValueSpan.Length),
        JsonTokenType.Null => (ReadOnlyMemory<byte>?)null, // explicit: a bare null would become empty memory
        _ => throw Unexpected("a text"),
    };

    /// <summary>The current name or text, like <see cref="Utf8Text"/>.</summary>
    public readonly ReadOnlyMemory<byte> Utf8Token()
    {
        if (!json.ValueIsEscaped)
        {
            return body.Memory.Slice((int)json.TokenStartIndex + 1, json.ValueSpan.Length);
        }

        var copy = new byte[json.ValueSpan.Length];
        return copy.AsMemory(0, json.CopyString(copy));
    }

    /// <summary>A text from a fixed list, in exactly this spelling; <c>null</c> for JSON null.</summary>
    public readonly string? OneOf(params ReadOnlySpan<string> names)
    {
        if (Text() is not { } text)
        {
            return null;
        }

        var (line, column) = Position;
        return names.Contains(text) ? text : throw new Refusal(Faults.NotOneOf(line, column, string.Join(", ", names!)));
    }

    /// <summary>A boolean, or its text; <c>null</c> for JSON null.</summary>
    public readonly bool? Flag() => json.TokenType switch
    {
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        JsonTokenType.Null => null,
        JsonTokenType.String when bool.TryParse(json.GetString(), out var flag) => flag,
        _ => throw Unexpected("true or false"),
    };

    /// <summary>A whole number, or its text; <c>null</c> for JSON null.</summary>
    public readonly int? Number() => json.TokenType switch
    {
        JsonTokenType.Null => null,
        JsonTokenType.Number when json.TryGetInt32(out var number) => number,
        JsonTokenType.String when int.TryParse(json.GetString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => number,
        JsonTokenType.Number => throw Refuse($"Expected a whole number from {int.MinValue} to {int.MaxValue}, found another one"),
        _ => throw Unexpected("a whole number"),
    };

    /// <summary>A list, whose entries <paramref name="read"/> reads; <c>null</c> for JSON null.</summary>
    public List<T>? List<T>(string what, Reading<T> read)
    {
        if (IsNull)
        {
            return null;
        }

        BeginList(what);
        var list = new List<T>();
        while (NextItem())
        {
            list.Add(read(ref this));
        }

        return list;
    }

    /// <summary>A list of texts, without null entries; <c>null</c> for JSON null.</summary>
    public List<string>? Texts(string what)
    {
        var texts = List(what, static (ref json) => json.Text());
        texts?.RemoveAll(text => text is null);
        return texts!;
    }

    /// <summary>The current value as a separate tree.</summary>
    public JsonDocument Document() => JsonDocument.ParseValue(ref json);

    /// <summary>The answer to an unexpected token.</summary>
    public readonly Refusal Unexpected(string expected) => Refuse($"Expected {expected}, found {Describe(json.TokenType)}");

    /// <summary>The answer to an error at the current token.</summary>
    public readonly Refusal Refuse(string words)
    {
        var (line, column) = Position;
        return new(Faults.MalformedJson(line, column, words));
    }

    /// <summary>The answer to an object that starts <paramref name="at"/> and lacks members.</summary>
    public readonly Refusal Missing(long at, string fields)
    {
        // HubSpot counts the column after the opening brace: 2 for the first of a body.
        var (line, column) = body.Position(at);
        return new(Faults.RequiredFieldsMissing(line, column + 1, fields));
    }

    /// <summary>The name of a token's kind.</summary>
    public static string Describe(JsonTokenType type) => type switch
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
