using System.Collections.Immutable;
using System.Text;

namespace Docket.Model.Types;

/// <summary>
/// What activities have in common, and everything that is specific to notes, calls, meetings, communications and postal mail
/// (reference/objects-other-than-tickets.md 5). Tasks and emails have files of their own.
/// </summary>
internal static class Activities
{
    public const string Timestamp = "hs_timestamp", LastContacted = "hs_engagements_last_contacted";

    /// <summary>Properties that are rolled up in other records.</summary>
    public const string IsOpenTask = "hs_task_is_open", EmailDirection = "hs_email_direction";

    const string CallDirection = "hs_call_direction", MeetingStart = "hs_meeting_start_time", Outcome = "hs_meeting_outcome";

    const string Owner = "hubspot_owner_id", Preview = "hs_body_preview", PreviewHtml = "hs_body_preview_html", PreviewIsTruncated = "hs_body_preview_is_truncated";

    /// <summary>The previews of a body.</summary>
    public static readonly ImmutableArray<string> Previews = [Preview, PreviewHtml, PreviewIsTruncated];

    // Filled in by the server, besides the previews.
    static readonly ImmutableArray<string> Filled = ["hs_all_owner_ids", "hs_obj_coords", "hs_user_ids_of_all_owners", "hubspot_owner_assigneddate"];

    public static readonly ObjectType Notes = Make("0-46", "notes", "note", "hs_note_body") with { Searched = ["hs_note_body"], Followed = new([202, 190, 214, 228], Timestamp) };

    public static readonly ObjectType Calls = Make("0-48", "calls", "call", "hs_call_body", LastContacted, "hs_connected_count", "hs_voicemail_count") with
    {
        Searched = ["hs_call_title", Preview],
        Constants = TypeParts.All("0", "hs_connected_count", "hs_voicemail_count"),
        Followed = new([194, 182, 206, 220], Timestamp, CallDirection),
        Follow = call =>
        {
            FollowBody(call, "hs_call_body");
            FollowOwner(call);
            call.Set(LastContacted, call.After(Timestamp));
        },
    };

    public static readonly ObjectType Meetings = Make("0-47", "meetings", "meeting", "hs_meeting_body") with
    {
        LegacyName = "MEETING_EVENT",
        Searched = ["hs_meeting_title", "hs_meeting_body"],
        Required = [],
        Followed = new([200, 188, 212, 226], Timestamp, MeetingStart, Outcome),
        Follow = meeting =>
        {
            FollowBody(meeting, "hs_meeting_body");
            FollowOwner(meeting);
            if (meeting.IsNew && meeting.After(Timestamp).IsEmpty)
            {
                meeting.Set(Timestamp, meeting.After(MeetingStart)); // 1.3
            }
        },
    };

    public static readonly ObjectType Communications = Make("0-18", "communications", "communication", "hs_communication_body") with
    {
        Searched = ["hs_communication_body"],
        // The definition lists more, but the API logs only to the CRM (5.5).
        Values = ImmutableDictionary.CreateRange([KeyValuePair.Create<string, ValueRule>("hs_communication_logged_from", OnlyCrm)]),
    };

    public static readonly ObjectType PostalMail = Make("0-116", "postal_mail", "postal_mail", "hs_postal_mail_body") with
    {
        Searched = ["hs_postal_mail_body"],
        Seed = SeedOfPostalMail,
    };

    /// <summary>What a record shows of its activities, by the ids of the association types that lead to them (reference/objects-other-than-tickets.md 8.9).</summary>
    public static ImmutableArray<RollUp> RollUpsOf(int note, int task, int call, int email, int meeting) =>
    [
        new("num_notes", RollUpKind.Count, note, task, call, email, meeting),
        new("notes_last_updated", RollUpKind.Last, note, task, call, email, meeting) { Of = each => new(CoordinatesOf(each), LoggedAt(each)), Beside = "hs_notes_last_activity" },
        TimesContacted("num_contacted_notes", call, email, meeting),
        new("notes_last_contacted", RollUpKind.Last, call, email, meeting) { Of = each => IsContact(each) ? new(default, LoggedAt(each)) : default },
        new("notes_next_activity_date", RollUpKind.Next, task, meeting) { Of = each => IsPlanned(each) ? new(CoordinatesOf(each), each.Moment(MeetingStart) ?? each.Moment(Timestamp)) : default, Beside = "hs_notes_next_activity" },
    ];

    /// <summary>How often somebody was contacted.</summary>
    public static RollUp TimesContacted(string property, int call, int email, int meeting) =>
        new(property, RollUpKind.Count, call, email, meeting) { Of = each => IsContact(each) ? One : default };

    /// <summary>The number of calls in one direction.</summary>
    public static RollUp CallsTo(string property, string direction, int call) =>
        new(property, RollUpKind.Count, call) { Of = each => Is(each, CallDirection, direction) ? One : default };

    /// <summary>When the latest activity of a type was.</summary>
    public static RollUp Latest(string property, int activity) => new(property, RollUpKind.Last, activity) { Of = each => new(default, each.Moment(Timestamp)) };

    static readonly Share One = new("1"u8.ToArray());

    // An activity that is planned was logged when it was created.
    static long LoggedAt(Followed activity) => Math.Min(activity.Moment(Timestamp) ?? activity.CreatedAt, activity.CreatedAt);

    static byte[] CoordinatesOf(Followed activity) => Encoding.ASCII.GetBytes(Derivations.Coordinates(activity.Type, activity.Id));

    // Calls, meetings, and emails that were sent.
    static bool IsContact(Followed activity) => activity.Type.Number != Emails.Type.Number || Is(activity, EmailDirection, "EMAIL");

    // Open tasks, and meetings without another outcome.
    static bool IsPlanned(Followed activity) =>
        activity.Type.Number == Tasks.Type.Number ? Is(activity, IsOpenTask, "true") : activity.Value(Outcome).IsEmpty || Is(activity, Outcome, "SCHEDULED");

    static bool Is(Followed activity, string property, string value) => Encoding.UTF8.GetString(activity.Value(property).Span) == value;

    // Without recorded definitions: those that it shares with notes, and its body.
    static TypeSeed SeedOfPostalMail()
    {
        var notes = TypeParts.SeedOf("notes", Timestamp, Owner);
        return (notes with { Properties = notes.Properties.RemoveAll(definition => definition.Name.StartsWith("hs_note_", StringComparison.Ordinal)) })
            .With("engagement", TypeParts.Own("hs_postal_mail_body", "Body", fieldType: "html"));
    }

    /// <summary>An activity whose body, and what follows from it, is in one property.</summary>
    /// <param name="id">The id on the wire.</param>
    /// <param name="plural">The plural used in paths.</param>
    /// <param name="singular">The singular.</param>
    /// <param name="body">The property of the body.</param>
    /// <param name="filled">More properties that the server fills in.</param>
    public static ObjectType Make(string id, string plural, string singular, string body, params ImmutableArray<string> filled)
    {
        var plain = TypeParts.Plain(id, plural, singular, () => TypeParts.SeedOf(plural, Timestamp, Owner, body));
        return plain with
        {
            IsActivity = true,
            Required = [Timestamp],
            AfterUpdate = [.. plain.AfterUpdate, .. Filled, .. Previews, .. filled],
            AfterCreate = [.. plain.AfterCreate, .. Filled, .. Previews, .. filled],
            Scopes = ScopesOf(plural),
            Page = new("contacts/", $"/objects/{id}/views/all/list?filters=%5B%7B%22property%22%3A%22hs_object_id%22%2C%22operator%22%3A%22EQ%22%2C%22value%22%3A%22", "%22%7D%5D"),
            Derived = ImmutableDictionary.CreateRange([KeyValuePair.Create("hs_obj_coords", Derivation.Coordinates)]),
            Follow = activity =>
            {
                FollowBody(activity, body);
                FollowOwner(activity);
            },
        };
    }

    /// <summary>The records need the scopes of contacts; a refusal names those of the type (reference/objects-other-than-tickets.md 1.2).</summary>
    public static TypeScopes ScopesOf(string name, params ReadOnlySpan<string> alsoRead) => new(
        Read: new(["crm.objects.contacts.read", $"crm.objects.{name}.read", .. alsoRead], Named: [$"crm.schemas.{name}.read", $"crm.objects.{name}.read", .. alsoRead]),
        Write: new(["crm.objects.contacts.write", $"crm.objects.{name}.write"], Named: [$"crm.objects.{name}.write"]),
        ReadSchema: new(["crm.schemas.contacts.read", "crm.objects.contacts.read", $"crm.schemas.{name}.read", .. alsoRead], Named: [$"crm.schemas.{name}.read"]),
        WriteSchema: new(["crm.schemas.contacts.write", $"crm.schemas.{name}.write"], Named: [$"crm.schemas.{name}.write"]));

    /// <summary>Sets the previews of a body: of its HTML, or of <paramref name="otherwise"/> if there is none.</summary>
    public static void FollowBody(Draft activity, string body, string? otherwise = null)
    {
        if (!activity.Changes(body) && (otherwise is null || !activity.Changes(otherwise)))
        {
            return;
        }

        var html = activity.Text(body);
        html = html.Length == 0 && otherwise is not null ? activity.Text(otherwise) : html;
        activity.Set(Preview, BodyText.PreviewOf(html));
        activity.Set(PreviewHtml, html.Length > 0 ? BodyText.DocumentOf(html) : "");
        activity.Set(PreviewIsTruncated, html.Length > 0 ? "false" : "");
    }

    /// <summary>Sets what follows from the owner. The id of a user is also the id of the owner.</summary>
    public static void FollowOwner(Draft activity)
    {
        if (activity.Changes(Owner))
        {
            var owner = activity.After(Owner);
            activity.Set("hs_all_owner_ids", owner);
            activity.Set("hs_user_ids_of_all_owners", owner);
            activity.SetMoment("hubspot_owner_assigneddate", owner.IsEmpty ? null : activity.Now);
        }
    }

    static Fault? OnlyCrm(int index, PortalSettings settings, ref PropertyValue value) =>
        value.Value.Span.SequenceEqual("CRM"u8) ? null : Faults.NotAnOption(index, value.Property, value.Value.Span, ["CRM"]);
}
