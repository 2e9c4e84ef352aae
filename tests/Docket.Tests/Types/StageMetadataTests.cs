using Docket.Model;
using Docket.Model.Types;
using Docket.Schemas;

namespace Docket.Tests.Types;

/// <summary>The metadata of stages are what the rules of their type say.</summary>
public class StageMetadataTests
{
    static readonly Edit Deals = new(Sales.Deals, 1_700_000_000_000, "77"), Tasks = Deals with { Type = Sales.Tasks };

    [Theory]
    [InlineData("0.2", "0.2", false)]
    [InlineData("0.50", "0.5", false)]
    [InlineData(".5", "0.5", false)]
    [InlineData("1e-5", "0.00001", false)]
    [InlineData("1", "1.0", true)]
    [InlineData("0", "0.0", true)]
    [InlineData("-0", "0.0", true)]
    public void A_number_is_stored_in_one_form_and_closes_the_stage_at_its_ends(string sent, string stored, bool isClosed)
    {
        var metadata = Stage(Deals, new() { ["probability"] = sent, ["isClosed"] = "true" }).Metadata;
        Assert.Equal([("isClosed", isClosed ? "true" : "false"), ("probability", stored)], metadata.Values);
        Assert.Equal(isClosed, metadata.IsClosed);
    }

    [Theory]
    [InlineData(null, "must specify probability when writing a dealstage")]
    [InlineData("1.01", "dealstage probability is not valid, must be between 0.0 and 1.0 (inclusive)")]
    [InlineData("-0.1", "dealstage probability is not valid, must be between 0.0 and 1.0 (inclusive)")]
    [InlineData("NaN", "dealstage probability is not valid, must be between 0.0 and 1.0 (inclusive)")]
    [InlineData("half", "dealstage probability is not valid, must be between 0.0 and 1.0 (inclusive)")]
    public void A_number_that_is_required_and_has_a_range_is_refused_with_HubSpots_message(string? sent, string message)
    {
        var error = Assert.Throws<Refusal>(() => Stage(Deals, new() { ["probability"] = sent })).Error;
        Assert.Equal((400, message, "VALIDATION_ERROR"), (error.Status, error.Message, error.Category));
    }

    [Fact]
    public void A_value_of_a_list_has_its_default_and_no_other()
    {
        Assert.Equal([("isClosed", "false"), ("state", "OPEN")], Stage(Tasks, null).Metadata.Values);
        Assert.Equal([("isClosed", "true"), ("state", "CLOSED")], Stage(Tasks, new() { ["state"] = "CLOSED", ["ticketState"] = "OPEN" }).Metadata.Values);
        Assert.Equal("Failed to deserialize metadata: state must be OPEN or CLOSED, not closed", Assert.Throws<Refusal>(() => Stage(Tasks, new() { ["state"] = "closed" })).Error.Message);
    }

    [Fact]
    public async Task A_type_with_other_metadata_than_tickets_keeps_and_shows_them()
    {
        var directory = Directory.CreateTempSubdirectory("docket-metadata-").FullName;
        try
        {
            string id;
            await using (var server = await StartAsync(directory))
            {
                var pipeline = (await server.PostAsync("/crm/v3/pipelines/bargains", """
                    {"pipelineId":"p","label":"P","displayOrder":0,"stages":[
                      {"stageId":"some","label":"Some","displayOrder":0,"metadata":{"probability":0.50,"ticketState":{}}},
                      {"stageId":"won","label":"Won","displayOrder":1,"metadata":{"isClosed":"false","probability":"1"}}]}
                    """)).Expect(201);
                Assert.Equal("""{"isClosed":"false","probability":"0.5"}""", pipeline.Json!["stages"]![0]!["metadata"]!.ToJsonString());
                Assert.Equal("must specify probability when writing a dealstage", (await server.PostAsync("/crm/v3/pipelines/bargains/p/stages", """{"label":"More","displayOrder":2,"metadata":{}}""")).Expect(400)["message"]);
                Assert.Equal("0.5", (await server.PatchAsync("/crm/v3/pipelines/bargains/p/stages/some", """{"label":"Maybe","metadata":{}}""")).Expect(200)["metadata.probability"]);

                id = (await server.PostAsync("/crm/v3/objects/bargains", """{"properties":{"dealstage":"some"}}""")).Expect(201)["id"]!;
                Assert.Equal("true", (await server.PatchAsync($"/crm/v3/objects/bargains/{id}", """{"properties":{"dealstage":"won"}}""")).Expect(200)["properties.hs_is_closed"]);
                Assert.Contains("\"metadata\":{\"isClosed\":\"true\",\"probability\":\"1.0\"}", (await server.GetAsync("/crm/v3/pipelines/bargains/p/stages/won/audit")).Expect(200)["results[0].rawObject"], StringComparison.Ordinal);
            }

            await using var again = await StartAsync(directory);
            Assert.Equal("1.0", (await again.GetAsync("/crm/v3/pipelines/bargains/p/stages/won")).Expect(200)["metadata.probability"]);
            Assert.Equal("true", (await again.GetAsync($"/crm/v3/objects/bargains/{id}")).Expect(200)["properties.hs_is_closed"]);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    static Stage Stage(Edit edit, Dictionary<string, string?>? metadata) => PipelineRules.Create(
        SchemaContent.Of(edit.Type.Seed()), new() { Label = "P", PipelineId = "p", Stages = [new() { StageId = "s", Label = "S", Metadata = metadata }] }, edit).Answer.Stages[0];

    static Task<TestServer> StartAsync(string directory) => TestServer.StartAsync(directory, with: options => options with { Types = [.. StandardTypes.All, Sales.Deals] });
}
