using System.Text.Json;
using Docket.Model;
using Docket.Model.Types;
using Docket.Schemas;
using Docket.Tests.Compatibility;

namespace Docket.Tests.Schemas;

/// <summary>The rules of pipelines and stages; "check n" is a line of reference/properties-pipelines-search-associations.md 10.</summary>
public sealed class PipelineRulesTests
{
    static readonly SchemaContent Fresh = SchemaContent.Of(Tickets.Type.Seed());
    static readonly Edit First = new(Tickets.Type, 1_700_000_000_000, "77"), Later = First with { Now = First.Now + 5 };

    static readonly string[] PropertiesOfStage =
    [
        "hs_v2_date_entered_", "hs_v2_date_exited_", "hs_v2_cumulative_time_in_", "hs_v2_latest_time_in_", "hs_date_entered_", "hs_date_exited_", "hs_time_in_",
    ];

    [Behaviour("…/pipelines/tickets", "a pipeline needs a stage, and a closed one; `ticketState` is `OPEN` or `CLOSED`", "observed", "properties-pipelines-search-associations.md 10.11")]
    [Fact]
    public void A_pipeline_needs_a_stage_and_a_closed_one_check_11()
    {
        var error = Refused(() => Create(Fresh, new() { Label = "P", PipelineId = "p", Stages = [Stage("a", "A")] }));
        Assert.Equal((400, "tickets pipeline: p must have at least one closed stage", "PipelineError.MISSING_CLOSED_STAGE"), (error.Status, error.Message, error.SubCategory));

        error = Refused(() => Create(Fresh, Input("p", Closed("a", "A") with { Metadata = new() { ["ticketState"] = "closed" } })));
        Assert.Equal((400, "PipelineError.INVALID_PIPELINE_STAGE_METADATA"), (error.Status, error.SubCategory));
        Assert.StartsWith("Failed to deserialize metadata", error.Message);

        Assert.Equal("Pipeline must have at least one stage", Refused(() => Create(Fresh, Input("p"))).Message);
    }

    [Behaviour("…/pipelines/tickets", "ids are taken verbatim, and made up when missing", "observed", "properties-pipelines-search-associations.md 10.12")]
    [Fact]
    public void Ids_are_taken_verbatim_and_made_up_when_missing_check_12()
    {
        var (content, own) = Create(Fresh, Input("My Pipe/1", Closed("st;1", "A")));
        Assert.Equal(("My Pipe/1", "st;1"), (own.Id, own.Stages[0].Id));

        var (_, made) = Create(content, new() { Label = "Q", Stages = [Closed(null, "A"), Stage("1700000001", "B"), Stage(null, "C")] });
        Assert.Equal(["1700000000", "1700000002", "1700000001", "1700000003"], [made.Id, .. made.Stages.Select(stage => stage.Id)]);
    }

    [Fact]
    public void A_made_up_id_is_never_one_that_was_used()
    {
        var (content, made) = Create(Fresh, new() { Label = "Q", Stages = [Closed(null, "A")] });
        var deleted = PipelineRules.Delete(content, made.Id, First);

        var (_, again) = Create(deleted, new() { Label = "Q", Stages = [Closed(null, "A")] });

        Assert.Empty(new[] { again.Id, again.Stages[0].Id }.Intersect([made.Id, made.Stages[0].Id]));
    }

    [Behaviour("…/pipelines/tickets", "a taken pipeline or stage id is refused", "observed", "properties-pipelines-search-associations.md 10.12")]
    [Fact]
    public void A_taken_id_is_refused_check_12()
    {
        Assert.Equal("There's another pipeline in this portal with pipelineId (0).", Refused(() => Create(Fresh, Input("0", Closed("z", "Z")))).Message);

        var error = Refused(() => Create(Fresh, Input("p", Closed("4", "A"))));
        Assert.Equal((409, "OBJECT_ALREADY_EXISTS", "PipelineError.STAGE_ID_EXISTS_IN_ANOTHER_PIPELINE"), (error.Status, error.Category, error.SubCategory));

        error = Refused(() => PipelineRules.CreateStage(Fresh, "0", Stage("4", "Another"), First));
        Assert.Equal((400, "An existing active stage in another pipeline is already using stage id 4", null), (error.Status, error.Message, error.Category));

        Assert.Equal(400, Refused(() => Create(Fresh, Input("p", Closed("a", "A"), Stage("a", "B")))).Status);
        Assert.Equal(400, Refused(() => Create(Fresh, Input(new string('x', 37), Closed("a", "A")))).Status);
        Assert.Equal(400, Refused(() => Create(Fresh, Input("p", Closed(new string('x', 101), "A")))).Status);
    }

    [Behaviour("…/pipelines/tickets/{pipelineId}/stages", "a stage written to a taken place comes after its holder, and all are renumbered", "observed", "properties-pipelines-search-associations.md 10.13")]
    [Fact]
    public void A_stage_written_to_a_taken_place_comes_after_its_holder_check_13()
    {
        var (content, answer) = PipelineRules.CreateStage(Fresh, "0", Stage("n", "N") with { DisplayOrder = 1 }, First);

        Assert.Equal(1, answer.DisplayOrder);
        Assert.Equal(["1:0", "2:1", "n:2", "3:3", "4:4"], Order(content, "0"));

        (content, _) = PipelineRules.UpdateStage(content, "0", "1", new() { DisplayOrder = 3 }, First);
        Assert.Equal(["2:0", "n:1", "3:2", "1:3", "4:4"], Order(content, "0"));
    }

    [Fact]
    public void A_free_place_is_kept_and_gaps_survive()
    {
        var (content, _) = PipelineRules.CreateStage(Fresh, "0", Stage("n", "N") with { DisplayOrder = 10 }, First);
        (content, _) = PipelineRules.CreateStage(content, "0", Stage("m", "M"), First);
        content = PipelineRules.DeleteStage(content, "0", "2", First);

        Assert.Equal(["1:0", "3:2", "4:3", "n:10", "m:11"], Order(content, "0"));
    }

    [Fact]
    public void Ties_in_one_body_are_resolved_in_its_order_and_the_answer_echoes_it()
    {
        var (content, answer) = Create(Fresh, Input("p", Closed("a", "A") with { DisplayOrder = 5 }, Stage("b", "B") with { DisplayOrder = 1 }, Stage("c", "C") with { DisplayOrder = 1 }));

        Assert.Equal(["a:5", "b:1", "c:1"], answer.Stages.Select(stage => $"{stage.Id}:{stage.DisplayOrder}"));
        Assert.Equal(["b:0", "c:1", "a:2"], Order(content, "p"));
    }

    [Behaviour("…/pipelines/tickets/{pipelineId}/stages", "a new stage has its seven properties", "observed", "properties-pipelines-search-associations.md 10.15")]
    [Fact]
    public void A_new_stage_has_its_seven_properties_check_15()
    {
        var (content, _) = PipelineRules.CreateStage(Fresh, "0", Stage("n", "On hold"), First);

        var definitions = PropertiesOfStage.Select(prefix => content.Properties[prefix + StageProperties.NameOf(null, "n")].Definition).ToList();
        Assert.Equal("Date entered \"On hold (Support Pipeline)\"", definitions[0].Label);
        Assert.Equal("Time in 'On hold (Support Pipeline)'", definitions[6].Label);
        Assert.All(definitions, definition => Assert.Equal((true, true, true), (definition.HubspotDefined, definition.ModificationMetadata.ReadOnlyValue, definition.ModificationMetadata.ReadOnlyDefinition)));
        Assert.Equal(Fresh.LastNumber + 7, content.LastNumber);
        Assert.NotNull(new Schema(Tickets.Type, content));
    }

    [Fact]
    public void The_properties_of_a_new_stage_are_like_those_of_the_default_stages()
    {
        // Stage 2 away and made again from nothing must be what the defaults have, apart from the moments.
        var content = Fresh with { Properties = Fresh.Properties.RemoveRange(PropertiesOfStage.Select(prefix => prefix + "2")) };
        var (pipeline, stage) = (Fresh.Pipelines[0], Fresh.Pipelines[0].Stages[1]);

        content = StagePropertyRules.Keep(content, pipeline, stage, First);

        foreach (var prefix in PropertiesOfStage)
        {
            var (made, recorded) = (content.Properties[prefix + "2"].Definition, Fresh.Properties[prefix + "2"].Definition);
            Assert.Equal(JsonSerializer.Serialize(recorded with { CreatedAt = First.Now, UpdatedAt = First.Now }, SchemaJson.Default.PropertyDefinition), JsonSerializer.Serialize(made, SchemaJson.Default.PropertyDefinition));
        }
    }

    [Fact]
    public void The_properties_go_with_the_stage_and_come_back_with_its_id()
    {
        var (content, _) = PipelineRules.CreateStage(Fresh, "0", Stage("n", "N"), First);
        var n = StageProperties.NameOf(null, "n");
        var numbers = PropertiesOfStage.Select(prefix => content.Properties[prefix + n].Number).ToList();

        var deleted = PipelineRules.DeleteStage(content, "0", "n", Later);
        Assert.All(PropertiesOfStage, prefix => Assert.True(deleted.ArchivedProperties[prefix + n].Definition.Archived));
        Assert.All(PropertiesOfStage, prefix => Assert.False(deleted.Properties.ContainsKey(prefix + n)));

        var (back, _) = PipelineRules.CreateStage(deleted, "0", Stage("n", "Again"), Later);
        Assert.Equal(numbers, PropertiesOfStage.Select(prefix => back.Properties[prefix + n].Number));
        var definition = back.Properties["hs_v2_date_entered_" + n].Definition;
        Assert.Equal(("Date entered \"Again (Support Pipeline)\"", (long?)First.Now, null, null), (definition.Label, definition.CreatedAt, definition.Archived, definition.ArchivedAt));
        Assert.Empty(back.ArchivedProperties);
        Assert.Equal(content.LastNumber, back.LastNumber);
    }

    [Behaviour("…/pipelines/tickets", "the properties of a stage whose id is no number have names of `a` to `z`, `0` to `9` and `_` alone, and end in a number", "observed, decide", "properties-pipelines-search-associations.md 2.3")]
    [Theory]
    [InlineData("5", "5")]
    [InlineData("1234567890", "1234567890")]
    [InlineData("61bafb31-e7fa-46ed-aaa9-1322438d6e67", "61bafb31_e7fa_46ed_aaa9_1322438d6e67_1382133256")]
    [InlineData("xa_done", "xa_done_1858856647")]
    [InlineData("In Progress, é", "in_progress____4051539378")]
    [InlineData("-5", "_5_933895375")]
    [InlineData("٣", "__441439527")]
    public void The_properties_of_a_stage_have_plain_names(string stageId, string name)
    {
        Assert.Equal(name, StageProperties.NameOf(null, stageId));
        var (content, _) = PipelineRules.CreateStage(Fresh, "0", Stage(stageId, "S"), First);
        Assert.All(PropertiesOfStage, prefix => Assert.True(content.Properties.ContainsKey(prefix + name)));
    }

    [Fact]
    public void Stages_whose_ids_look_the_same_in_a_name_keep_apart()
    {
        var content = Fresh;
        string[] ids = ["a b", "a-b", "A B", "a_b", "current_stage"];
        foreach (var (at, id) in ids.Index())
        {
            (content, _) = PipelineRules.CreateStage(content, "0", Stage(id, $"Stage {at}"), First);
        }

        content = PipelineRules.DeleteStage(content, "0", "a b", Later);
        content = PipelineRules.CreateStage(content, "0", Stage("a b", "Back"), Later).Content;
        Assert.Equal(Fresh.LastNumber + 7 * ids.Length, content.LastNumber);
        Assert.All(content.Properties.Keys, name => Assert.Matches("^[a-z][a-z0-9_]*$", name));
        var schema = new Schema(Tickets.Type, content);
        Assert.Equal(ids.Length, ids.Select(id => schema.FindStage(System.Text.Encoding.UTF8.GetBytes(id))!.Entered.Number).Distinct().Count());
        Assert.Equal(["Back", "Stage 1", "Stage 2", "Stage 3", "Stage 4"], ids.Select(id => content.Properties[StageProperties.Entered + StageProperties.NameOf(null, id)].Definition.Label.Split('"')[1].Replace(" (Support Pipeline)", "", StringComparison.Ordinal)));
    }

    [Fact]
    public void Renaming_a_stage_or_its_pipeline_renames_the_properties()
    {
        var (content, _) = PipelineRules.UpdateStage(Fresh, "0", "1", new() { Label = "Fresh" }, First);
        Assert.Equal("Date exited 'Fresh (Support Pipeline)'", content.Properties["hs_date_exited_1"].Definition.Label);

        (content, _) = PipelineRules.Update(content, "0", new() { Label = "Help" }, Later);
        Assert.Equal("Cumulative time in \"Fresh (Help)\"", content.Properties["hs_v2_cumulative_time_in_1"].Definition.Label);
        Assert.Equal("Latest time in \"Closed (Help)\"", content.Properties["hs_v2_latest_time_in_4"].Definition.Label);
        Assert.Equal(Fresh.Properties["hs_date_exited_1"].Number, content.Properties["hs_date_exited_1"].Number);
        Assert.Equal(Fresh.LastNumber, content.LastNumber);
    }

    [Behaviour("…/pipelines/tickets", "a PUT keeps stages by their id, makes others and drops the rest", "observed", "properties-pipelines-search-associations.md 3.5")]
    [Fact]
    public void A_replace_keeps_known_stages_makes_others_and_drops_the_rest()
    {
        var (content, answer) = PipelineRules.Replace(Fresh, "0", Input(null, Closed("4", "Done"), Stage("own", "Own"), Stage("1", "New")), Later);

        Assert.Equal(["4", "1700000000", "1"], answer.Stages.Select(stage => stage.Id));
        Assert.Equal(["4:0", "1700000000:1", "1:2"], Order(content, "0"));
        Assert.Equal((0L, Later.Now), (content.Pipelines[0].Stages[2].CreatedAt, content.Pipelines[0].Stages[2].UpdatedAt));
        Assert.True(content.ArchivedProperties.ContainsKey("hs_time_in_2"));
        Assert.NotNull(new Schema(Tickets.Type, content));

        var (two, _) = Create(Fresh, Input("p", Closed("a", "A")));
        Assert.Equal(409, Refused(() => PipelineRules.Replace(two, "0", Input(null, Closed("4", "C"), Stage("a", "A")), Later)).Status);
    }

    [Behaviour("…/pipelines/tickets", "a PATCH moves `updatedAt` of all stages and never archives", "observed", "properties-pipelines-search-associations.md 3.5")]
    [Fact]
    public void A_patch_of_a_pipeline_updates_all_its_stages_and_never_archives()
    {
        var (_, updated) = PipelineRules.Update(Fresh, "0", new() { DisplayOrder = 3, Archived = false }, Later);

        Assert.Equal((3, "Support Pipeline", Later.Now), (updated.DisplayOrder, updated.Label, updated.UpdatedAt));
        Assert.All(updated.Stages, stage => Assert.Equal(Later.Now, stage.UpdatedAt));
        Assert.Equal(400, Refused(() => PipelineRules.Update(Fresh, "0", new() { Archived = true }, Later)).Status);
        Assert.Equal("Pipeline display order cannot be negative", Refused(() => PipelineRules.Update(Fresh, "0", new() { DisplayOrder = -1 }, Later)).Message);
    }

    [Behaviour("…/pipelines/tickets/{pipelineId}/stages", "a PATCH of a stage merges its metadata", "observed", "properties-pipelines-search-associations.md 3.4")]
    [Fact]
    public void A_patch_of_a_stage_merges_metadata_and_a_replace_does_not()
    {
        Assert.Equal("CLOSED", PipelineRules.UpdateStage(Fresh, "0", "4", new() { Label = "Done", Metadata = new() }, Later).Answer.Metadata["ticketState"]);
        Assert.Equal("MISSING_CLOSED_STAGE", Refused(() => PipelineRules.ReplaceStage(Fresh, "0", "4", new() { Label = "Done" }, Later)).SubCategory!.Split('.')[1]);
        Assert.True(PipelineRules.UpdateStage(Fresh, "0", "1", new() { Metadata = new() { ["ticketState"] = "CLOSED" } }, Later).Answer.Metadata.IsClosed);
    }

    [Behaviour("…/pipelines/tickets", "labels of pipelines, and of the stages of one, differ", "observed", "properties-pipelines-search-associations.md 3.3")]
    [Fact]
    public void Labels_differ_within_a_pipeline_and_among_pipelines()
    {
        var error = Refused(() => PipelineRules.CreateStage(Fresh, "0", Stage("n", " new "), First));
        Assert.Equal((400, "Stage with label  new  already exists", "PipelineError.STAGE_LABEL_EXISTS"), (error.Status, error.Message, error.SubCategory));
        Assert.Equal("An active pipeline with label Support Pipeline already exists.", Refused(() => Create(Fresh, Input("p", Closed("a", "A")) with { Label = "Support Pipeline" })).Message);
        Assert.Equal("0", PipelineRules.Update(Fresh, "0", new() { Label = "Support Pipeline" }, First).Answer.Id);
    }

    [Fact]
    public void What_must_remain_remains()
    {
        Assert.Equal("At least one pipeline must remain", Refused(() => PipelineRules.Delete(Fresh, "0", First)).Message);
        Assert.Equal("PipelineError.MISSING_CLOSED_STAGE", Refused(() => PipelineRules.DeleteStage(Fresh, "0", "4", First)).SubCategory);

        var (content, _) = Create(Fresh, Input("p", Closed("a", "A")));
        Assert.Equal("Pipeline must have at least one stage", Refused(() => PipelineRules.DeleteStage(content, "p", "a", First)).Message);
        Assert.Same(content, PipelineRules.DeleteStage(content, "p", "never_was", First));
        Assert.Equal((404, "OBJECT_NOT_FOUND"), Refused(() => PipelineRules.DeleteStage(content, "q", "a", First)) is var error ? (error.Status, error.Category) : default);

        var deleted = PipelineRules.Delete(content, "0", First);
        Assert.Equal("p", Assert.Single(deleted.Pipelines).Id);
        Assert.Equal(28, deleted.ArchivedProperties.Count);
    }

    [Behaviour("…/pipelines/tickets", "100 pipelines, 100 stages in one", "docs, observed", "properties-pipelines-search-associations.md 3.3")]
    [Fact]
    public void Limits_hold()
    {
        var stages = Enumerable.Range(0, Tickets.Type.Stages!.StagesMax).Select(i => Closed($"s{i}", $"S{i}")).ToArray();
        var (content, _) = Create(Fresh, Input("p", stages));
        Assert.Equal(400, Refused(() => PipelineRules.CreateStage(content, "p", Stage("more", "More"), First)).Status);

        content = Fresh;
        for (var i = 1; i < PipelineRules.PipelinesMax; i++)
        {
            (content, _) = Create(content, Input($"p{i}", Closed($"s{i}", "S")));
        }

        Assert.Equal(400, Refused(() => Create(content, Input("more", Closed("more", "S")))).Status);
    }

    [Fact]
    public void Every_change_leaves_its_entries_in_the_audit()
    {
        var (content, _) = Create(Fresh, Input("p", Closed("a", "A"), Stage("b", "B")));
        (content, _) = PipelineRules.UpdateStage(content, "p", "b", new() { Label = "Ä" }, Later);
        content = PipelineRules.DeleteStage(content, "p", "b", Later);
        content = PipelineRules.Delete(content, "p", Later);

        Assert.Equal(["DELETE", "UPDATE", "UPDATE", "CREATE"], PipelineTrail.Of(content, "p", null).Select(entry => entry.Action));
        Assert.Equal(["DELETE", "UPDATE", "CREATE"], PipelineTrail.Of(content, "p", "b").Select(entry => entry.Action));
        Assert.Equal(["DELETE", "CREATE"], PipelineTrail.Of(content, "p", "a").Select(entry => entry.Action));
        var stage = PipelineTrail.Of(content, "p", "b").ElementAt(1);
        Assert.Equal((Later.Now, "77"), (stage.Timestamp, stage.UserId));
        Assert.Equal("""{"stageId":"b","label":"Ä","displayOrder":1,"metadata":{"ticketState":"OPEN","isClosed":"false"},"active":true,"createdAt":1700000000000,"updatedAt":1700000000005}""", stage.RawObject);
        Assert.Equal((3, false), JsonDocument.Parse(PipelineTrail.Of(content, "p", null).ElementAt(1).RawObject).RootElement is var raw ? (raw.GetProperty("version").GetInt32(), raw.GetProperty("stages").EnumerateArray().Any(s => s.GetProperty("stageId").GetString() == "b")) : default);
    }

    static Edited<Pipeline> Create(SchemaContent content, PipelineInput input) => PipelineRules.Create(content, input, First);

    static PipelineInput Input(string? id, params StageInput[] stages) => new() { Label = $"Pipeline {id}", PipelineId = id, Stages = [.. stages] };

    static StageInput Stage(string? id, string label) => new() { StageId = id, Label = label };

    static StageInput Closed(string? id, string label) => Stage(id, label) with { Metadata = new() { ["ticketState"] = "CLOSED" } };

    static IEnumerable<string> Order(SchemaContent content, string id) => PipelineRules.Find(content, id).Stages.Select(stage => $"{stage.Id}:{stage.DisplayOrder}");

    static Error Refused(Action act) => Assert.Throws<Refusal>(act).Error;

    static Error Refused<T>(Func<T> act) => Refused(() => { act(); });
}
