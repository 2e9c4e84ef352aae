using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Docket.Http;
using Docket.Model;
using Docket.Writes;

namespace Docket.Legacy;

/// <summary>The body of an engagement: <c>{"engagement":{…},"associations":{…},"attachments":[…],"metadata":{…}}</c>. Members that no activity has are ignored.</summary>
internal sealed class EngagementReader
{
    static readonly JsonShape<EngagementReader> New = Shape(["engagement"], Head("type")), Change = Shape([], Head());

    static readonly JsonShape<SentTies> Associations = SentTies.Shape(EngagementType.Ties);

    static readonly JsonShape<SentHead> Attachment = new(null, ["id"], ("id", (file, ref json) => file.Id = json.Text()));

    // What was sent as a text, number or boolean; or the JSON of an object or list.
    readonly Dictionary<string, (string? Text, string? Json)> metadata = new(StringComparer.Ordinal);
    SentHead? head;
    SentTies? ties;
    List<string?>? attachments;

    /// <summary>The <c>type</c>; <c>null</c> in an update that doesn't say.</summary>
    public string? Type => head?.Type;

    /// <summary>Reads a new engagement.</summary>
    /// <exception cref="Refusal">400 with line and column.</exception>
    public static EngagementReader ReadNew(RequestBody body) => JsonCursor.Read(body, New.Read);

    /// <summary>Reads what changes in an engagement.</summary>
    /// <exception cref="Refusal">400 with line and column.</exception>
    public static EngagementReader ReadChange(RequestBody body) => JsonCursor.Read(body, Change.Read);

    /// <summary>What to write.</summary>
    /// <param name="kind">The kind of engagement.</param>
    /// <param name="portal">The types of the portal.</param>
    /// <param name="now">For a new engagement: its time, if none was sent.</param>
    /// <exception cref="Refusal">400: a value in <c>metadata</c> is an object or a list.</exception>
    public RecordInput ToInput(EngagementType kind, PortalSchema portal, long? now)
    {
        var values = new List<RawValue>();
        Add(EngagementType.Timestamp, head?.Timestamp ?? now?.ToString());
        Add(EngagementType.Owner, head?.Owner);
        Add(EngagementType.Attachments, attachments is null ? null : string.Join(';', attachments));
        foreach (var (name, property, form) in kind.Members)
        {
            var (text, json) = metadata.GetValueOrDefault(name);
            Add(property, json is null ? text : form == MemberForm.Numbers ? Joined(json) : throw new Refusal(Faults.BadBodyParameter($"metadata.{name}")));
        }

        if (kind.IsEmail)
        {
            Add(EngagementType.Direction, now is null ? null : Type);
            Add(EngagementType.Headers, Addresses());
        }

        return new() { Values = [.. values], Ties = SentTies.Of(portal, kind.Plural, ties?.All ?? []) };

        void Add(string property, string? value)
        {
            if (value is not null)
            {
                values.Add(new(Encoding.UTF8.GetBytes(property), Encoding.UTF8.GetBytes(value)));
            }
        }
    }

    static JsonShape<EngagementReader> Shape(string[] required, JsonShape<SentHead> engagement) => new(null, required,
        ("engagement", (sent, ref json) => sent.head = json.IsNull ? null : engagement.Read(ref json)),
        ("associations", (sent, ref json) => sent.ties = json.IsNull ? null : Associations.Read(ref json)),
        ("attachments", (sent, ref json) => sent.attachments = json.List("a list of attachments", static (ref json) => Attachment.Read(ref json).Id)),
        ("metadata", (sent, ref json) => sent.ReadMetadata(ref json)));

    static JsonShape<SentHead> Head(params string[] required) => new(null, required,
        ("type", (sent, ref json) => sent.Type = json.OneOf(EngagementType.Names.AsSpan())),
        ("ownerId", (sent, ref json) => sent.Owner = json.Text()),
        ("timestamp", (sent, ref json) => sent.Timestamp = json.Text()));

    void ReadMetadata(ref JsonCursor json)
    {
        if (json.IsNull)
        {
            return;
        }

        json.BeginObject();
        while (json.NextMember() is { } name)
        {
            if (json.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
            {
                using var document = json.Document();
                metadata[name] = (null, document.RootElement.GetRawText());
            }
            else
            {
                metadata[name] = (json.Text(), null);
            }
        }
    }

    // All that were sent, as one JSON object.
    string? Addresses()
    {
        var sent = EngagementType.Addresses.Where(name => metadata.GetValueOrDefault(name).Json is not null).ToImmutableArray();
        return sent.IsEmpty ? null : $"{{{string.Join(',', sent.Select(name => $"\"{name}\":{metadata[name].Json}"))}}}";
    }

    static string Joined(string list)
    {
        using var document = JsonDocument.Parse(list);
        return document.RootElement.ValueKind == JsonValueKind.Array ? string.Join(';', document.RootElement.EnumerateArray().Select(item => item.GetRawText().Trim('"'))) : list;
    }

    sealed class SentHead
    {
        public string? Id { get; set; }

        public string? Type { get; set; }

        public string? Owner { get; set; }

        public string? Timestamp { get; set; }
    }
}
