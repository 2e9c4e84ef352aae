using System.Collections.Immutable;

namespace Docket.Model.Types;

/// <summary>Everything that is specific to tickets.</summary>
internal static class Tickets
{
    /// <summary>The group of all default properties (reference/properties-pipelines-search-associations.md 1.9).</summary>
    public const string Group = "ticketinformation";

    const string Open = "OPEN", Closed = "CLOSED";

    static readonly ImmutableArray<string> Updated =
    [
        "createdate", "hs_is_closed", "hs_lastmodifieddate", "hs_object_id", "hs_object_source", "hs_object_source_id", "hs_object_source_label",
        "hs_pipeline", "hs_pipeline_stage", "hs_ticket_id", "hs_v2_date_entered_current_stage", "hs_v2_time_in_current_stage",
    ];

    static readonly ImmutableArray<string> Counts =
        ["hs_num_associated_companies", "hs_num_associated_conversations", "hs_num_times_contacted", "num_notes"];

    public static readonly ObjectType Type = new()
    {
        Id = "0-5",
        Plural = "tickets",
        Singular = "ticket",
        LegacyName = "TICKET",
        ReadAlways = ["createdate", "hs_lastmodifieddate", "hs_object_id"],
        ReadDefault =
        [
            "content", "createdate", "hs_lastmodifieddate", "hs_object_id", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_category",
            "hs_ticket_priority", "subject",
        ],
        AfterUpdate = Updated,
        AfterCreate = [.. Updated, .. Counts],
        AfterMerge = [.. Updated, "content", "hs_merged_object_ids", "hs_ticket_category", "hs_ticket_priority", "subject"],
        Scopes = new(
            Read: new(["tickets", "crm.objects.tickets.read"], Named: ["tickets"]), Write: new(["tickets", "crm.objects.tickets.write"], Named: ["tickets"]),
            ReadSchema: ScopeNeed.Of("tickets", "crm.schemas.tickets.read"), WriteSchema: ScopeNeed.Of("tickets", "crm.schemas.tickets.write")),
        Required = ["hs_pipeline_stage"],
        Searched = ["subject", "content", "hs_pipeline_stage", "hs_ticket_category"],
        Stages = new(
            "hs_pipeline", "hs_pipeline_stage", AfterMove: ["closed_date", "time_to_close"], Group,
            Metadata: [new("ticketState") { Allowed = [Open, Closed], Default = Open, Closing = [Closed] }, StageMetadataRule.IsClosed])
        {
            ClosedDate = "closed_date",
            LastClosedDate = "hs_last_closed_date",
            ReopenedAt = "hs_ticket_reopened_at",
            NeedsClosedStage = true,
        },
        Derived = ImmutableDictionary.CreateRange(new KeyValuePair<string, Derivation>[]
        {
            new("hs_ticket_id", Derivation.RecordId),
            new("hs_is_closed", Derivation.IsClosed),
            new("time_to_close", Derivation.TimeToClose),
            new("hs_v2_date_entered_current_stage", Derivation.CurrentStageEntered),
            new("hs_v2_time_in_current_stage", Derivation.CurrentStageEntered),
        }),
        Copies = TypeParts.Owners.AddRange([KeyValuePair.Create("hs_lastactivitydate", "notes_last_updated"), new("hs_lastcontacted", "notes_last_contacted"), new("hs_nextactivitydate", "notes_next_activity_date")]),
        Follow = TypeParts.FollowOwner,
        Constants = TypeParts.All("0", Counts),
        RollUps =
        [
            new("hs_num_associated_companies", RollUpKind.Count, 339), new("hs_primary_company_id", RollUpKind.Id, 26), .. Activities.RollUpsOf(227, 229, 219, 223, 225),
            Activities.TimesContacted("hs_num_times_contacted", 219, 223, 225), RollUp.Joined(26, ("hs_primary_company", "name"), ("hs_primary_company_name", "name")),
            RollUp.Joined(
                16, ("hs_all_associated_contact_companies", "company"), ("hs_all_associated_contact_emails", "email"), ("hs_all_associated_contact_firstnames", "firstname"),
                ("hs_all_associated_contact_lastnames", "lastname"), ("hs_all_associated_contact_mobilephones", "mobilephone"), ("hs_all_associated_contact_phones", "phone")),
        ],
        Associations = HubSpotAssociations.From,
        Seed = () => new(TypeParts.ReadProperties("tickets"), Foremost, [new(Group, "Ticket information", 0, false)], [SupportPipeline()]),
    };

    static readonly ImmutableArray<string> Foremost =
    [
        "hs_pipeline", "hs_pipeline_stage", "subject", "content", "hs_ticket_priority", "hs_ticket_category", "source_type",
        "hubspot_owner_id", "hs_resolution", "hs_external_object_ids", "hs_file_upload", "createdate", "closed_date",
        "hs_last_closed_date", "hs_ticket_reopened_at", "hs_v2_date_entered_current_stage",
        "hs_v2_date_entered_1", "hs_v2_date_entered_2", "hs_v2_date_entered_3", "hs_v2_date_entered_4",
        "hs_v2_date_exited_1", "hs_v2_date_exited_2", "hs_v2_date_exited_3", "hs_v2_date_exited_4",
        "hs_v2_cumulative_time_in_1", "hs_v2_cumulative_time_in_2", "hs_v2_cumulative_time_in_3", "hs_v2_cumulative_time_in_4",
        "hs_v2_latest_time_in_1", "hs_v2_latest_time_in_2", "hs_v2_latest_time_in_3", "hs_v2_latest_time_in_4",
        "hubspot_team_id", "hs_helpdesk_sort_timestamp", "hs_is_visible_in_help_desk", "hs_last_email_activity",
        "hs_last_message_from_visitor", "hs_all_owner_ids", "hs_tag_ids", "tags", "source_ref", "source_thread_id",
    ];

    // Ids, labels and the times in 1970: reference/properties-pipelines-search-associations.md 3.2.
    static Pipeline SupportPipeline() => new()
    {
        Id = "0",
        Label = "Support Pipeline",
        Stages =
        [
            new() { Id = "1", Label = "New", DisplayOrder = 0, Metadata = State(Open, isClosed: "false") },
            new() { Id = "2", Label = "Waiting on contact", DisplayOrder = 1, Metadata = State(Open, isClosed: "false") },
            new() { Id = "3", Label = "Waiting on us", DisplayOrder = 2, Metadata = State(Open, isClosed: "false") },
            new() { Id = "4", Label = "Closed", DisplayOrder = 3, Metadata = State(Closed, isClosed: "true") },
        ],
    };

    static StageMetadata State(string ticketState, string isClosed) => new([("ticketState", ticketState), (StageMetadata.IsClosedKey, isClosed)]);
}
