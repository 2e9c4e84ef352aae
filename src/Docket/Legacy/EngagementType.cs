using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Docket.Model;

namespace Docket.Legacy;

/// <summary>How a member of <c>metadata</c> is written.</summary>
internal enum MemberForm
{
    Text,
    Number,
    Flag,

    /// <summary>Milliseconds since 1970.</summary>
    Moment,

    /// <summary>A list of numbers, which v3 separates by <c>;</c>.</summary>
    Numbers,
}

/// <summary>A kind of engagement: a type of activity under its old name, and the properties behind its <c>metadata</c>.</summary>
/// <param name="Name">The <c>type</c> on the wire.</param>
/// <param name="Plural">The type of activity, as paths call it.</param>
/// <param name="Members">The members of <c>metadata</c>.</param>
internal sealed record EngagementType(string Name, string Plural, ImmutableArray<(string Name, string Property, MemberForm Form)> Members)
{
    /// <summary>The properties that every engagement has outside of <c>metadata</c>.</summary>
    public const string Timestamp = "hs_timestamp", Owner = "hubspot_owner_id", Attachments = "hs_attachment_ids";

    /// <summary>The addresses of an email are one property, in JSON; its direction is part of the <c>type</c> (reference/objects-other-than-tickets.md 5.4).</summary>
    public const string Headers = "hs_email_headers", Direction = "hs_email_direction";

    /// <summary>The members of an email's <c>metadata</c> that are in <see cref="Headers"/>.</summary>
    public static readonly ImmutableArray<string> Addresses = ["from", "sender", "to", "cc", "bcc"];

    /// <summary>All kinds. The members are those that n8n's HubSpot node, HubSpot's MCP server and Singer's tap-hubspot send and read.</summary>
    public static readonly ImmutableArray<EngagementType> All =
    [
        new("NOTE", "notes", [("body", "hs_note_body", MemberForm.Text)]),
        new("TASK", "tasks",
        [
            ("body", "hs_task_body", MemberForm.Text), ("subject", "hs_task_subject", MemberForm.Text), ("status", "hs_task_status", MemberForm.Text),
            ("forObjectType", "hs_task_for_object_type", MemberForm.Text), ("taskType", "hs_task_type", MemberForm.Text), ("priority", "hs_task_priority", MemberForm.Text),
            ("reminders", "hs_task_reminders", MemberForm.Numbers), ("isAllDay", "hs_task_is_all_day", MemberForm.Flag), ("completionDate", "hs_task_completion_date", MemberForm.Moment),
        ]),
        new("CALL", "calls",
        [
            ("body", "hs_call_body", MemberForm.Text), ("title", "hs_call_title", MemberForm.Text), ("status", "hs_call_status", MemberForm.Text),
            ("toNumber", "hs_call_to_number", MemberForm.Text), ("fromNumber", "hs_call_from_number", MemberForm.Text), ("durationMilliseconds", "hs_call_duration", MemberForm.Number),
            ("recordingUrl", "hs_call_recording_url", MemberForm.Text), ("disposition", "hs_call_disposition", MemberForm.Text), ("externalId", "hs_call_external_id", MemberForm.Text),
            ("externalAccountId", "hs_call_external_account_id", MemberForm.Text),
        ]),
        new("MEETING", "meetings",
        [
            ("body", "hs_meeting_body", MemberForm.Text), ("title", "hs_meeting_title", MemberForm.Text), ("startTime", "hs_meeting_start_time", MemberForm.Moment),
            ("endTime", "hs_meeting_end_time", MemberForm.Moment), ("internalMeetingNotes", "hs_internal_meeting_notes", MemberForm.Text), ("location", "hs_meeting_location", MemberForm.Text),
            ("externalUrl", "hs_meeting_external_url", MemberForm.Text), ("meetingOutcome", "hs_meeting_outcome", MemberForm.Text),
        ]),
        new("EMAIL", "emails",
        [
            ("subject", "hs_email_subject", MemberForm.Text), ("html", "hs_email_html", MemberForm.Text), ("text", "hs_email_text", MemberForm.Text),
            ("status", "hs_email_status", MemberForm.Text), ("messageId", "hs_email_message_id", MemberForm.Text), ("threadId", "hs_email_thread_id", MemberForm.Text),
        ]),
    ];

    /// <summary>Every <c>type</c> on the wire.</summary>
    public static readonly ImmutableArray<string> Names = [.. All.Select(type => type.Name), "INCOMING_EMAIL", "FORWARDED_EMAIL"];

    /// <summary>The lists of <c>associations</c>, and the types of their records.</summary>
    public static readonly ImmutableArray<(string Member, string Plural)> Ties = [("contactIds", "contacts"), ("companyIds", "companies"), ("dealIds", "deals"), ("ticketIds", "tickets")];

    /// <summary>The kind with a name on the wire.</summary>
    public static EngagementType Of(string name) => All.FirstOrDefault(type => type.Name == name) ?? All[^1];

    public bool IsEmail => Name == All[^1].Name;

    /// <summary>A value of v3 in the form of version 1. One that doesn't have the form stays a text.</summary>
    public static void Write(Utf8JsonWriter json, string name, MemberForm form, string value)
    {
        switch (form)
        {
            case MemberForm.Number when long.TryParse(value, out var number):
                json.WriteNumber(name, number);
                break;
            case MemberForm.Flag:
                json.WriteBoolean(name, value == "true");
                break;
            case MemberForm.Moment when Instant.Parse(Encoding.UTF8.GetBytes(value)) is { } moment:
                json.WriteNumber(name, moment);
                break;
            case MemberForm.Numbers:
                json.WriteStartArray(name);
                foreach (var part in value.Split(';'))
                {
                    if (long.TryParse(part, out var each))
                    {
                        json.WriteNumberValue(each);
                    }
                }

                json.WriteEndArray();
                break;
            default:
                json.WriteString(name, value);
                break;
        }
    }
}
