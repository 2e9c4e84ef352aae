using System.Collections.Immutable;
using System.Text.Json;

namespace Docket.Model;

/// <summary>What a new portal starts with: HubSpot's own properties, their group and the Support Pipeline.</summary>
internal static class DefaultSchema
{
    // Stored values carry the property's number as a variable-length integer: those up to 127 take one byte (Values.cs).
    // So what nearly every record holds comes first, roughly from most to least used.
    static readonly string[] Foremost =
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

    public static SchemaContent For(ObjectType type)
    {
        var definitions = Definitions(type);
        var numbered = definitions
            .OrderBy(definition => Array.IndexOf(Foremost, definition.Name) is var place and >= 0 ? place : Foremost.Length)
            .Select((definition, index) => KeyValuePair.Create(definition.Name, new NumberedProperty(index + 1, definition)));
        return new(
            numbered.ToImmutableSortedDictionary(StringComparer.Ordinal),
            ImmutableSortedDictionary.Create<string, NumberedProperty>(StringComparer.Ordinal),
            [new(PropertyGroup.Default, "Ticket information", 0, false)],
            [SupportPipeline()],
            definitions.Length);
    }

    static PropertyDefinition[] Definitions(ObjectType type)
    {
        var name = $"Docket.Defaults.{type.Singular}-properties.json";
        using var json = typeof(DefaultSchema).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"There is no embedded {name}.");
        return JsonSerializer.Deserialize(json, SchemaJson.Default.PropertyDefinitionArray)!;
    }

    // Ids, labels and the moments of 1970: reference/properties-pipelines-search-associations.md 3.2.
    static Pipeline SupportPipeline() => new()
    {
        Id = "0",
        Label = "Support Pipeline",
        Stages =
        [
            new() { Id = "1", Label = "New", DisplayOrder = 0, Metadata = new(StageMetadata.Open) },
            new() { Id = "2", Label = "Waiting on contact", DisplayOrder = 1, Metadata = new(StageMetadata.Open) },
            new() { Id = "3", Label = "Waiting on us", DisplayOrder = 2, Metadata = new(StageMetadata.Open) },
            new() { Id = "4", Label = "Closed", DisplayOrder = 3, Metadata = new(StageMetadata.Closed) },
        ],
    };
}
