using System.Text;
using Docket.Model;
using Docket.Model.Types;
using Docket.Schemas;
using Docket.Writes;

namespace Docket.Tests.Writes;

public class ValidationTests
{
    [Fact]
    public void So_many_faults_that_not_every_row_was_checked_refuse_the_batch_with_or_without_trace_ids()
    {
        var nonsense = Enumerable.Range(0, Validation.FaultsMax).Select(i => new RawValue(Utf8($"no_such_property_{i}"), Utf8("x")));
        RecordInput[] inputs =
        [
            new() { Id = Utf8("1"), IdProperty = Utf8("ext_a"), TraceId = Utf8("a"), Values = [.. nonsense] },
            new() { Id = Utf8("2"), IdProperty = Utf8("ext_a"), TraceId = Utf8("b"), Values = [new(Utf8("hs_pipeline_stage"), Utf8("1"))] },
        ];

        var refusal = Assert.Throws<Refusal>(() => Validation.Check(WriteKind.Upsert, inputs, Schemata.Tickets, Schemata.Caller));
        Assert.Equal(400, refusal.Error.Status);
        Assert.Equal(Validation.FaultsMax + 1, refusal.Error.Errors.Length);
        Assert.Equal($"There are more faults; the first {Validation.FaultsMax} are listed.", refusal.Error.Errors[^1].Message);
    }

    [Fact]
    public void With_one_fault_less_each_row_is_reported()
    {
        var nonsense = Enumerable.Range(1, Validation.FaultsMax - 1).Select(i => new RawValue(Utf8($"no_such_property_{i}"), Utf8("x")));
        RecordInput[] inputs =
        [
            new() { Id = Utf8("1"), IdProperty = Utf8("ext_a"), TraceId = Utf8("a"), Values = [.. nonsense] },
            new() { Id = Utf8("2"), IdProperty = Utf8("ext_a"), TraceId = Utf8("b"), Values = [new(Utf8("hs_pipeline_stage"), Utf8("1"))] },
        ];

        var batch = Validation.Check(WriteKind.Upsert, inputs, Schemata.Tickets, Schemata.Caller);
        Assert.Equal(Validation.FaultsMax - 1, batch.Faults.Count);
        Assert.Equal([true, false], batch.Inputs.Select(input => input.Skipped));
    }

    [Theory]
    [InlineData(null, "1", null, "1")]
    [InlineData(null, "waiting ON us", null, "3")]
    [InlineData(null, " Waiting on us ", null, "3")]
    [InlineData(null, "On the bench", null, "bench")]
    [InlineData("Repairs", "new", "repairs", "r-new")]
    [InlineData("repairs", "New", "repairs", "r-new")]
    [InlineData("REPAIRS", "r-new", "repairs", "r-new")]
    [InlineData("0", "New", "0", "1")]
    [InlineData("support pipeline", null, "0", null)]
    [InlineData("repairs", "4", "repairs", "4")] // an id first, although of another pipeline: the planner refuses it
    public void Labels_become_ids(string? pipeline, string? stage, string? pipelineId, string? stageId)
    {
        var checkedInput = Labelled(pipeline, stage).Inputs[0];
        string? Value(Property property) => checkedInput.Values.Where(value => value.Property == property).Select(value => Encoding.UTF8.GetString(value.Value.Span)).SingleOrDefault();
        Assert.Equal((pipelineId, stageId), (Value(Repairs.Stages!.Pipeline), Value(Repairs.Stages!.Stage)));
    }

    [Theory]
    [InlineData(null, "new", "new is the label of several stages: pipelineId=0 : [1], pipelineId=repairs : [r-new]. Specify the pipeline too, or the id of the stage.")]
    [InlineData(null, "none", "none is not a valid pipeline stage ID. Valid options are: pipelineId=0 : [1, 2, 3, 4], pipelineId=repairs : [r-new, bench]")]
    [InlineData("0", "On the bench", "On the bench is not a valid pipeline stage ID. Valid options are: pipelineId=0 : [1, 2, 3, 4], pipelineId=repairs : [r-new, bench]")]
    [InlineData("none", "4", "none was not one of the allowed options: [0, repairs]")]
    public void What_is_no_label_or_one_of_several_is_a_fault(string? pipeline, string? stage, string message)
    {
        var refusal = Assert.Throws<Refusal>(() => Labelled(pipeline, stage));
        Assert.Equal(message, Assert.Single(refusal.Error.Errors).Message);
    }

    [Fact]
    public void A_folded_input_is_skipped_and_the_last_has_its_values()
    {
        RecordInput Input(string id, params (string Name, string Value)[] values) =>
            new() { Id = Utf8(id), IdProperty = Utf8("ext_a"), Values = [.. values.Select(value => new RawValue(Utf8(value.Name), Utf8(value.Value)))] };
        var batch = Validation.Check(
            WriteKind.Update, [Input("K", ("tags_set", "a"), ("subject", "one")), Input("L", ("subject", "x")), Input("K", ("subjec", "typo")), Input("K", ("subject", "two"), ("tags_set", ";b"))],
            Schemata.Tickets, Schemata.Caller, OptionalFeatures.FoldDuplicates | OptionalFeatures.RowOutcomes);

        Assert.Equal([true, false, true, false], batch.Inputs.Select(input => input.Skipped));
        Assert.Equal([0], batch.Folded);
        Assert.Equal(2, Assert.Single(batch.Faults).Index);
        Assert.Equal(["subject=two", "tags_set=a;b"], batch.Inputs[3].Values.Select(value => $"{value.Property.Name}={Encoding.UTF8.GetString(value.Value.Span)}").Order(StringComparer.Ordinal));
    }

    static readonly Schema Repairs = new(Tickets.Type, PipelineRules.Create(
        SchemaContent.Of(Tickets.Type.Seed()),
        new() { PipelineId = "repairs", Label = "Repairs", DisplayOrder = 1, Stages = [Stage("r-new", "New", "OPEN"), Stage("bench", "On the bench", "CLOSED")] },
        new Edit(Tickets.Type, 1_000, "1")).Content);

    static StageInput Stage(string id, string label, string state) => new() { StageId = id, Label = label, DisplayOrder = 0, Metadata = new() { ["ticketState"] = state } };

    static WriteBatch Labelled(string? pipeline, string? stage)
    {
        List<RawValue> values = [];
        if (stage is not null)
        {
            values.Add(new(Utf8("hs_pipeline_stage"), Utf8(stage)));
        }

        if (pipeline is not null)
        {
            values.Add(new(Utf8("hs_pipeline"), Utf8(pipeline)));
        }

        return Validation.Check(WriteKind.Create, [new() { Values = [.. values] }], Repairs, Schemata.Caller, OptionalFeatures.Labels);
    }

    static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
