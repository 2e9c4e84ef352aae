using System.Collections.Immutable;
using System.Text.Json;

namespace Docket.Model.Types;

/// <summary>Everything that is specific to emails (reference/objects-other-than-tickets.md 5.4).</summary>
internal static class Emails
{
    const string Headers = "hs_email_headers", Html = "hs_email_html", PlainText = "hs_email_text", Scope = "sales-email-read";

    static readonly ImmutableArray<string> Roles = ["from", "sender", "to", "cc", "bcc"];

    static readonly ImmutableArray<string> Counts = ["hs_email_click_count", "hs_email_open_count", "hs_email_reply_count"];

    static readonly ImmutableArray<string> Rates = ["hs_email_click_rate", "hs_email_open_rate", "hs_email_reply_rate"];

    static readonly ImmutableArray<string> Videos = ["hs_email_attached_video_opened", "hs_email_attached_video_watched"];

    static readonly ObjectType Plain = Activities.Make(
        "0-49", "emails", "email", Html,
        [.. Roles.SelectMany(role => new[] { NameOf(role, "email"), NameOf(role, "firstname"), NameOf(role, "lastname") }), .. Counts, .. Rates, .. Videos, "hs_email_sent_count"]);

    public static readonly ObjectType Type = Plain with
    {
        Searched = ["hs_email_subject"],
        Scopes = Activities.ScopesOf("emails", Scope),
        Guarded = new(Scope, [Html, PlainText, .. Activities.Previews]),
        Constants = TypeParts.All("0", Rates),
        Followed = new([198, 186, 210, 224], Activities.Timestamp, Activities.EmailDirection),
        Follow = Follow,
        Seed = () => TypeParts.SeedOf("emails", Activities.Timestamp, "hubspot_owner_id", Activities.EmailDirection, "hs_email_status", "hs_email_subject", Headers, Html, PlainText),
    };

    static void Follow(Draft email)
    {
        Activities.FollowBody(email, Html, PlainText);
        Activities.FollowOwner(email);
        foreach (var count in Counts)
        {
            email.Default(count, "0");
        }

        foreach (var video in Videos)
        {
            email.Default(video, "false");
        }

        if (email.IsNewOrChanges("hs_email_status"))
        {
            email.Set("hs_email_sent_count", email.Text("hs_email_status") == "SENT" ? "1" : "0");
        }

        if (email.Changes(Headers))
        {
            Parse(email);
        }
    }

    // Text that isn't such a JSON object is stored as it is, and nothing follows from it.
    static void Parse(Draft email)
    {
        using var headers = TryParse(email.After(Headers));
        foreach (var role in Roles)
        {
            List<JsonElement> people = headers?.RootElement is not { ValueKind: JsonValueKind.Object } root || !root.TryGetProperty(role, out var value) ? []
                : value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : [value];
            email.Set(NameOf(role, "email"), Joined(people, "email"));
            email.Set(NameOf(role, "firstname"), Joined(people, "firstName"));
            email.Set(NameOf(role, "lastname"), Joined(people, "lastName"));
        }
    }

    static JsonDocument? TryParse(ReadOnlyMemory<byte> text)
    {
        try
        {
            return text.IsEmpty ? null : JsonDocument.Parse(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    // Addresses stay as they are written, also with a name.
    static string Joined(List<JsonElement> people, string member) => string.Join(';', people
        .Where(person => person.ValueKind == JsonValueKind.Object)
        .Select(person => person.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.String ? TextOf(value) : "")
        .Where(value => value.Length > 0));

    static string TextOf(JsonElement value)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return ""; // an unpaired surrogate
        }
    }

    static string NameOf(string role, string part) => $"hs_email_{role}_{part}";
}
