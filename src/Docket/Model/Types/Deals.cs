using System.Collections.Immutable;

namespace Docket.Model.Types;

/// <summary>Everything that is specific to deals (reference/objects-other-than-tickets.md 4).</summary>
internal static class Deals
{
    static readonly ImmutableArray<string> Always = ["createdate", "hs_lastmodifieddate", "hs_object_id"];

    public static readonly ObjectType Type = new()
    {
        Id = "0-3",
        Plural = "deals",
        Singular = "deal",
        LegacyName = "DEAL",
        ReadAlways = Always,
        ReadDefault = [.. Always, "amount", "closedate", "dealname", "dealstage", "pipeline"],
        AfterUpdate = [.. Always, .. TypeParts.Source],
        AfterCreate = [.. Always, .. TypeParts.Source],
        AfterMerge = [.. Always, .. TypeParts.Source, "dealname", "hs_merged_object_ids"],
        Scopes = TypeParts.ScopesOf("deals"),
        Searched = ["dealname", "pipeline", "dealstage", "description", "dealtype"],
        Stages = new(
            "pipeline", "dealstage", AfterMove: [], Group: "dealstages",
            Metadata: [StageMetadataRule.IsClosed, new("probability") { Range = (0, 1), Closing = ["0.0", "1.0"] }])
        {
            PlainIds = ["appointmentscheduled", "qualifiedtobuy", "presentationscheduled", "decisionmakerboughtin", "contractsent", "closedwon", "closedlost"],
        },
        Seed = () => TypeParts.SeedOf("deals", "dealname", "amount", "pipeline", "dealstage", "closedate", "hubspot_owner_id", "dealtype").With(Type!, SalesPipeline()),
    };

    // Ids, labels and probabilities: reference/properties-pipelines-search-associations.md 3.2.
    static Pipeline SalesPipeline() => new()
    {
        Id = "default",
        Label = "Sales Pipeline",
        Stages =
        [
            Stage(0, "appointmentscheduled", "Appointment Scheduled", "0.2"),
            Stage(1, "qualifiedtobuy", "Qualified To Buy", "0.4"),
            Stage(2, "presentationscheduled", "Presentation Scheduled", "0.6"),
            Stage(3, "decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
            Stage(4, "contractsent", "Contract Sent", "0.9"),
            Stage(5, "closedwon", "Closed Won", "1.0"),
            Stage(6, "closedlost", "Closed Lost", "0.0"),
        ],
    };

    static Stage Stage(int order, string id, string label, string probability) => new()
    {
        Id = id,
        Label = label,
        DisplayOrder = order,
        Metadata = new([(StageMetadata.IsClosedKey, probability is "1.0" or "0.0" ? "true" : "false"), ("probability", probability)]),
    };
}
