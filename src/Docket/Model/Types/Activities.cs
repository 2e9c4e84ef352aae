namespace Docket.Model.Types;

/// <summary>Everything that is specific to activities: notes, tasks, calls, emails, meetings, communications and postal mail (reference/objects-other-than-tickets.md 5).</summary>
internal static class Activities
{
    public static readonly ObjectType Notes = Make("0-46", "notes", "note") with { Searched = ["hs_note_body"] };

    public static readonly ObjectType Tasks = Make("0-27", "tasks", "task") with { Searched = ["hs_task_body", "hs_task_subject"] };

    public static readonly ObjectType Calls = Make("0-48", "calls", "call") with { Searched = ["hs_call_title", "hs_body_preview"] };

    public static readonly ObjectType Emails = Make("0-49", "emails", "email", "sales-email-read") with { Searched = ["hs_email_subject"] };

    public static readonly ObjectType Meetings = Make("0-47", "meetings", "meeting") with { LegacyName = "MEETING_EVENT", Searched = ["hs_meeting_title", "hs_meeting_body"], Required = [] };

    public static readonly ObjectType Communications = Make("0-18", "communications", "communication") with { Searched = ["hs_communication_body"] };

    public static readonly ObjectType PostalMail = Make("0-116", "postal_mail", "postal_mail") with
    {
        Searched = ["hs_postal_mail_body"],
        Seed = () => TypeParts.SeedOf(
            "postal_mail", "Postal mail information",
            TypeParts.Own("hs_timestamp", "Activity date", "datetime"),
            TypeParts.Own("hs_postal_mail_body", "Body", fieldType: "html"),
            TypeParts.Own("hs_attachment_ids", "Attached file IDs")),
    };

    static ObjectType Make(string id, string plural, string singular, params ReadOnlySpan<string> alsoRead) => TypeParts.Plain(id, plural, singular, () => TypeParts.SeedOf(plural, "hs_timestamp", "hubspot_owner_id")) with
    {
        Required = ["hs_timestamp"],
        Scopes = ScopesOf(plural, alsoRead),
    };

    // The records need the scopes of contacts; a refusal names those of the type (reference/objects-other-than-tickets.md 1.2).
    static TypeScopes ScopesOf(string name, ReadOnlySpan<string> alsoRead) => new(
        Read: new(["crm.objects.contacts.read", $"crm.objects.{name}.read", .. alsoRead], Named: [$"crm.schemas.{name}.read", $"crm.objects.{name}.read", .. alsoRead]),
        Write: new(["crm.objects.contacts.write", $"crm.objects.{name}.write"], Named: [$"crm.objects.{name}.write"]),
        ReadSchema: new(["crm.schemas.contacts.read", "crm.objects.contacts.read", $"crm.schemas.{name}.read", .. alsoRead], Named: [$"crm.schemas.{name}.read"]),
        WriteSchema: new(["crm.schemas.contacts.write", $"crm.schemas.{name}.write"], Named: [$"crm.schemas.{name}.write"]));
}
