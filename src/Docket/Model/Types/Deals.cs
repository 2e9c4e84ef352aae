using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Docket.Model.Types;

/// <summary>Everything that is specific to deals (reference/objects-other-than-tickets.md 4).</summary>
internal static class Deals
{
    const string
        Amount = "amount", Stage = "dealstage", CloseDate = "closedate", Probability = "hs_deal_stage_probability", ProbabilityKey = "probability",
        ExchangeRate = "hs_exchange_rate", ForecastProbability = "hs_forecast_probability", CreateDate = "createdate", HomeAmount = "amount_in_home_currency", WonDate = "hs_closed_won_date",
        WonAmount = "hs_closed_amount_in_home_currency", OpenAmount = "hs_open_amount_in_home_currency", OpenCount = "hs_is_open_count";

    static readonly ImmutableArray<string> Always = ["createdate", "hs_lastmodifieddate", "hs_object_id"];

    // What Docket has none of, and so is the same for every deal.
    static readonly ImmutableDictionary<string, string> Constants = TypeParts.All(
        "0",
        "hs_num_associated_active_deal_registrations", "hs_num_associated_deal_registrations", "hs_num_associated_deal_splits",
        "hs_num_of_associated_line_items", "hs_num_target_accounts", "hs_number_of_call_engagements", "hs_number_of_inbound_calls",
        "hs_number_of_outbound_calls", "hs_number_of_overdue_tasks", "num_associated_contacts", "num_notes")
        .AddRange(TypeParts.All("false", "hs_has_last_conversation_follow_ups", "hs_has_last_meeting_followups", "hs_is_deal_split"));

    // What follows from stage, amount and dates; a value that a deal doesn't have isn't shown.
    static readonly ImmutableArray<string> Followers =
    [
        HomeAmount, "days_to_close", "hs_actual_duration", "hs_closed_amount", WonAmount, "hs_closed_deal_close_date",
        "hs_closed_deal_create_date", "hs_closed_won_count", WonDate, "hs_createdate", "hs_days_to_close_raw", Probability,
        "hs_deal_stage_probability_shadow", "hs_forecast_amount", "hs_is_closed_count", "hs_is_closed_lost", "hs_is_closed_won",
        OpenCount, OpenAmount, "hs_open_deal_create_date", "hs_projected_amount",
        "hs_projected_amount_in_home_currency", "hs_v2_date_entered_current_stage", "hs_v2_time_in_current_stage",
        "hs_weighted_pipeline_in_company_currency", "pipeline",
    ];

    public static readonly ObjectType Type = new()
    {
        Id = "0-3",
        Plural = "deals",
        Singular = "deal",
        LegacyName = "DEAL",
        ReadAlways = Always,
        ReadDefault = [.. Always, Amount, CloseDate, "dealname", Stage, "pipeline"],
        AfterUpdate = [.. Always, .. TypeParts.Source, .. Followers],
        AfterCreate = [.. Always, .. TypeParts.Source, .. Followers, .. Constants.Keys],
        AfterMerge = [.. Always, .. TypeParts.Source, .. Followers, Amount, "dealname", Stage, "hs_merged_object_ids"],
        Scopes = TypeParts.ScopesOf("deals") with
        {
            Read = new(["crm.objects.deals.read"], Named: ["crm.schemas.deals.read", "crm.objects.deals.sensitive.read.v2", "crm.objects.deals.read", "crm.objects.deals.highly_sensitive.read.v2"]),
        },
        Searched = ["dealname", "pipeline", Stage, "description", "dealtype"],
        Stages = new(
            "pipeline", Stage, AfterMove: [CloseDate, "hs_is_closed"], Group: "dealstages",
            Metadata: [StageMetadataRule.IsClosed, new(ProbabilityKey) { Range = (0, 1), Closing = ["0.0", "1.0"] }])
        {
            PlainIds = ["appointmentscheduled", "qualifiedtobuy", "presentationscheduled", "decisionmakerboughtin", "contractsent", "closedwon", "closedlost"],
            ListsOptions = true,
        },
        Values = ImmutableDictionary.CreateRange([KeyValuePair.Create<string, ValueRule>("deal_currency_code", OnlyOwnCurrency)]),
        Follow = Follow,
        Constants = Constants,
        Copies = TypeParts.Owners,
        Derived = ImmutableDictionary.CreateRange(new KeyValuePair<string, Derivation>[]
        {
            new("hs_is_closed", Derivation.IsClosed),
            new("hs_v2_date_entered_current_stage", Derivation.CurrentStageEntered),
            new("hs_v2_time_in_current_stage", Derivation.CurrentStageEntered),
        }),
        RollUps =
        [
            new("num_associated_contacts", RollUpKind.Count, 3), new("hs_num_of_associated_line_items", RollUpKind.Count, 19), .. Activities.RollUpsOf(213, 215, 205, 209, 211),
            Activities.Latest("hs_latest_meeting_activity", 211), new("hs_number_of_call_engagements", RollUpKind.Count, 205),
            Activities.CallsTo("hs_number_of_inbound_calls", "INBOUND", 205), Activities.CallsTo("hs_number_of_outbound_calls", "OUTBOUND", 205),
        ],
        Followed = new([3, 341], CreateDate, HomeAmount, WonDate, WonAmount, OpenCount, OpenAmount),
        Associations = HubSpotAssociations.From,
        Seed = () => TypeParts.SeedOf("deals", "dealname", Amount, "pipeline", Stage, CloseDate, "hubspot_owner_id", "dealtype")
            .Change("hs_all_collaborator_owner_ids", TypeParts.Writable)
            .With("dealinformation", [
                .. Constants.Keys.Concat(Followers).Select(name => TypeParts.Calculated(name, name.StartsWith("hs_has_", StringComparison.Ordinal) ? "bool" : name.Contains("_v2_", StringComparison.Ordinal) ? "datetime" : "number")),
            ])
            .With(Type!, SalesPipeline()),
    };

    /// <summary>What a contact or company shows of its deals, by the id of the association type that leads to them.</summary>
    public static ImmutableArray<RollUp> RollUpsOf(int deal) =>
    [
        new("num_associated_deals", RollUpKind.Count, deal),
        new("first_deal_created_date", RollUpKind.First, deal) { Of = each => new(default, each.CreatedAt) },
        new("recent_deal_close_date", RollUpKind.Last, deal) { Of = each => new(each.Value(HomeAmount), each.Moment(WonDate)), Beside = "recent_deal_amount" },
        new("total_revenue", RollUpKind.Sum, deal) { Of = each => new(each.Value(WonAmount)) },
        new("hs_num_open_deals", RollUpKind.Count, deal) { Of = each => new(each.Value(OpenCount)) },
        new("hs_total_deal_value", RollUpKind.Sum, deal) { Of = each => new(each.Value(OpenAmount)) },
    ];

    static Fault? OnlyOwnCurrency(int index, PortalSettings settings, ref PropertyValue value) =>
        Encoding.UTF8.GetString(value.Value.Span) == settings.Currency ? null : Faults.NotAnOption(index, value.Property, value.Value.Span, [settings.Currency]);

    // The formulas are those of HubSpot's own definitions (deal-properties.json); of the others, only the results are known.
    static void Follow(Draft deal)
    {
        TypeParts.FollowOwner(deal);
        if (!deal.IsNewOrChanges(Amount, Stage, CloseDate, Probability, ExchangeRate, ForecastProbability, CreateDate))
        {
            return;
        }

        var stage = deal.Schema.FindStage(deal.After(Stage).Span)?.Stage;
        var isClosed = stage?.Metadata.IsClosed == true;
        if (deal.Changes(Stage) && stage is not null)
        {
            if (!deal.Changes(Probability))
            {
                deal.Set(Probability, ProbabilityOf(stage));
            }

            if (isClosed && deal.After(CloseDate).IsEmpty)
            {
                deal.SetMoment(CloseDate, deal.Now);
            }
        }

        var (isWon, isLost) = (stage?.Metadata[ProbabilityKey] == "1.0", deal.Number(Probability) is { Unscaled.Sign: <= 0 });
        deal.Set("hs_deal_stage_probability_shadow", stage is null ? ExactDecimal.Zero : ProbabilityOf(stage));
        deal.Set("hs_is_closed_won", isWon ? "true" : "false");
        deal.Set("hs_is_closed_lost", isLost ? "true" : "false");
        deal.Set("hs_closed_won_count", isWon ? "1" : "0");
        SetAmounts(deal, isWon, isOpen: stage is null ? null : !isClosed);
        SetDates(deal, isWon, isClosed, stage is not null);
    }

    static void SetAmounts(Draft deal, bool isWon, bool? isOpen)
    {
        var amount = deal.Number(Amount);
        var home = deal.Number(ExchangeRate) is { } rate ? Times(amount, rate) : amount;
        var probability = deal.Number(Probability);
        var weighted = probability is null ? ExactDecimal.Zero : Times(home, probability);
        deal.Set(HomeAmount, home);
        deal.Set("hs_forecast_amount", deal.Number(ForecastProbability) is { } forecast ? Times(home, forecast) : home);
        deal.Set("hs_projected_amount", probability is null ? ExactDecimal.Zero : Times(amount, probability));
        deal.Set("hs_projected_amount_in_home_currency", weighted);
        deal.Set("hs_closed_amount", isWon ? amount : ExactDecimal.Zero);
        deal.Set(WonAmount, isWon ? home : ExactDecimal.Zero);
        deal.Set(OpenAmount, isOpen is not { } open ? null : open ? home : ExactDecimal.Zero);
        deal.Set("hs_weighted_pipeline_in_company_currency", isOpen is not { } still ? null : still ? weighted : ExactDecimal.Zero);
    }

    static void SetDates(Draft deal, bool isWon, bool isClosed, bool hasStage)
    {
        var (created, closing) = (deal.CreatedAt, deal.Moment(CloseDate));
        var duration = closing is { } moment ? Math.Max(0, moment - created) : 0;
        deal.Set("days_to_close", ToText(duration / MillisecondsOfDay));
        deal.Set("hs_days_to_close_raw", Math.Round((decimal)duration / MillisecondsOfDay, 6).ToString("0.######", CultureInfo.InvariantCulture));
        deal.Set("hs_actual_duration", closing is null ? "" : ToText(duration));
        deal.SetMoment(WonDate, isWon ? closing : null);
        deal.Set("hs_is_closed_count", hasStage ? isClosed ? "1" : "0" : "");
        deal.Set(OpenCount, hasStage ? isClosed ? "0" : "1" : "");
        // Milliseconds since 1970, unlike other dates, or 0.
        deal.Set("hs_open_deal_create_date", hasStage ? ToText(isClosed ? 0 : created) : "");
        deal.Set("hs_closed_deal_create_date", hasStage ? ToText(isClosed ? created : 0) : "");
        deal.Set("hs_closed_deal_close_date", hasStage ? ToText(isClosed ? closing ?? 0 : 0) : "");
    }

    const long MillisecondsOfDay = 86_400_000;

    static string ToText(long number) => number.ToString(CultureInfo.InvariantCulture);

    static ExactDecimal? Times(ExactDecimal? one, ExactDecimal? other) => one * other;

    static ExactDecimal ProbabilityOf(Stage stage) => ExactDecimal.OfFraction(double.Parse(stage.Metadata[ProbabilityKey]!, CultureInfo.InvariantCulture));

    // Ids, labels and probabilities: reference/properties-pipelines-search-associations.md 3.2.
    static Pipeline SalesPipeline() => new()
    {
        Id = "default",
        Label = "Sales Pipeline",
        Stages =
        [
            MakeStage(0, "appointmentscheduled", "Appointment Scheduled", "0.2"),
            MakeStage(1, "qualifiedtobuy", "Qualified To Buy", "0.4"),
            MakeStage(2, "presentationscheduled", "Presentation Scheduled", "0.6"),
            MakeStage(3, "decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
            MakeStage(4, "contractsent", "Contract Sent", "0.9"),
            MakeStage(5, "closedwon", "Closed Won", "1.0"),
            MakeStage(6, "closedlost", "Closed Lost", "0.0"),
        ],
    };

    static Stage MakeStage(int order, string id, string label, string probability) => new()
    {
        Id = id,
        Label = label,
        DisplayOrder = order,
        Metadata = new([(StageMetadata.IsClosedKey, probability is "1.0" or "0.0" ? "true" : "false"), (ProbabilityKey, probability)]),
    };
}
