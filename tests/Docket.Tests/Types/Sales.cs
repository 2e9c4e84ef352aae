using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Tests.Types;

/// <summary>Types with stages like those of HubSpot's deals, which have a probability, and of its tasks, which have a state.</summary>
internal static class Sales
{
    public static readonly ObjectType Deals = Make(903, "bargains", "bargain", "dealstage", [StageMetadataRule.IsClosed, new("probability") { Range = (0, 1), Closing = ["0.0", "1.0"] }]);

    public static readonly ObjectType Tasks = Make(927, "errands", "errand", "hs_pipeline_stage", [StageMetadataRule.IsClosed, new("state") { Allowed = ["OPEN", "CLOSED"], Default = "OPEN", Closing = ["CLOSED"] }]);

    static ObjectType Make(int number, string plural, string singular, string stage, ImmutableArray<StageMetadataRule> metadata) => new()
    {
        Id = $"0-{number}",
        Plural = plural,
        Singular = singular,
        LegacyName = singular.ToUpperInvariant(),
        ReadAlways = ["createdate", "hs_lastmodifieddate", "hs_object_id"],
        ReadDefault = ["createdate", "hs_lastmodifieddate", "hs_object_id", "hs_is_closed", stage],
        AfterUpdate = ["hs_is_closed", stage],
        AfterCreate = ["hs_is_closed", stage],
        AfterMerge = ["hs_object_id"],
        Scopes = new(
            ScopeNeed.Of($"crm.objects.{plural}.read"), ScopeNeed.Of($"crm.objects.{plural}.write"),
            ScopeNeed.Of($"crm.schemas.{plural}.read"), ScopeNeed.Of($"crm.schemas.{plural}.write")),
        Stages = new("pipeline", stage, [], "information", metadata) { ClosedDate = "closedate", LastClosedDate = "hs_last_closed_date", ReopenedAt = "hs_reopened_at" },
        Derived = ImmutableDictionary.CreateRange([KeyValuePair.Create("hs_is_closed", Derivation.IsClosed)]),
        Seed = () => new(
            [
                Text("pipeline") with { Type = "enumeration", FieldType = "select" }, Text(stage) with { Type = "enumeration", FieldType = "radio" },
                Moment("closedate"), Moment("hs_last_closed_date"), Moment("hs_reopened_at"), Moment("createdate"), Moment("hs_lastmodifieddate"), Moment("hs_createdate"),
                Text("hs_is_closed") with { Type = "bool", FieldType = "calculation_read_only_is_closed", ModificationMetadata = ReadOnly },
                Text("hs_object_source") with { ModificationMetadata = ReadOnly }, Text("hs_merged_object_ids") with { ModificationMetadata = ReadOnly },
                Text("hs_object_id") with { Type = "number", FieldType = "number", ModificationMetadata = ReadOnly },
            ],
            Foremost: ["pipeline", stage],
            Groups: [new("information", "Information", 0, false)],
            Pipelines: []),
    };

    static ModificationMetadata ReadOnly => new() { ReadOnlyValue = true };

    static PropertyDefinition Text(string name) => new() { Name = name, Label = name, Type = "string", FieldType = "text", GroupName = "information", HubspotDefined = true };

    static PropertyDefinition Moment(string name) => Text(name) with { Type = "datetime", FieldType = "date" };
}
