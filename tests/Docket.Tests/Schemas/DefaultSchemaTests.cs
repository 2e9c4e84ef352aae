using System.Text.Json;
using Docket.Model;
using Docket.Model.Types;
using Docket.Tests.Compatibility;

namespace Docket.Tests.Schemas;

/// <summary>What a new portal starts with; "check n" is a line of reference/properties-pipelines-search-associations.md 10.</summary>
public sealed class DefaultSchemaTests
{
    static readonly SchemaContent Fresh = SchemaContent.Of(Tickets.Type.Seed());

    [Behaviour("…/properties/tickets", "a new portal has HubSpot's 203 ticket properties, in alphabetical order", "observed", "properties-pipelines-search-associations.md 10.9")]
    [Fact]
    public void Properties_are_HubSpots_in_alphabetical_order_check_9()
    {
        Assert.Equal(203, Fresh.Properties.Count);
        Assert.Equal(Fresh.Properties.Keys.Order(StringComparer.Ordinal), Fresh.Properties.Keys);
        Assert.Null(Fresh.Properties["hs_object_id"].Definition.CreatedAt);
        Assert.Equal("checkbox", Fresh.Properties["hs_ticket_category"].Definition.FieldType);
        Assert.Equal((true, 0), (Fresh.Properties["hs_pipeline"].Definition.ExternalOptions, Fresh.Properties["hs_pipeline"].Definition.Options.Length));
        Assert.Equal(203, new Schema(Tickets.Type, Fresh).Properties.Length);
    }

    [Fact]
    public void Each_number_is_given_once_and_the_most_used_take_one_byte()
    {
        Assert.Equal(Enumerable.Range(1, 203), Fresh.Properties.Values.Select(property => property.Number).Order());
        Assert.Equal(203, Fresh.LastNumber);
        foreach (var name in (string[])["hs_pipeline", "hs_pipeline_stage", "subject", "content", "hubspot_owner_id", "closed_date", "hs_v2_latest_time_in_4"])
        {
            Assert.InRange(Fresh.Properties[name].Number, 1, 127);
        }
    }

    [Behaviour("…/pipelines/tickets", "a new portal has pipeline `0` with stages `1` to `4`, of 1970-01-01", "observed, inferred", "properties-pipelines-search-associations.md 10.10")]
    [Fact]
    public void The_pipeline_is_HubSpots_check_10()
    {
        var json = JsonSerializer.Serialize(Assert.Single(Fresh.Pipelines), SchemaJson.Default.Pipeline);

        Assert.StartsWith("""{"label":"Support Pipeline","displayOrder":0,"id":"0","stages":[{"label":"New","displayOrder":0,"metadata":{"ticketState":"OPEN","isClosed":"false"},"id":"1","createdAt":"1970-01-01T00:00:00Z","updatedAt":"1970-01-01T00:00:00Z","writePermissions":"CRM_PERMISSIONS_ENFORCEMENT","archived":false},""", json);
        Assert.EndsWith("""{"label":"Closed","displayOrder":3,"metadata":{"ticketState":"CLOSED","isClosed":"true"},"id":"4","createdAt":"1970-01-01T00:00:00Z","updatedAt":"1970-01-01T00:00:00Z","writePermissions":"CRM_PERMISSIONS_ENFORCEMENT","archived":false}],"createdAt":"1970-01-01T00:00:00Z","updatedAt":"1970-01-01T00:00:00Z","archived":false}""", json);
    }

    [Fact]
    public void What_is_stored_reads_back_the_same()
    {
        foreach (var (_, definition) in Fresh.Properties.Values)
        {
            var text = JsonSerializer.Serialize(definition, SchemaJson.Default.PropertyDefinition);
            var back = JsonSerializer.Deserialize(text, SchemaJson.Default.PropertyDefinition)!;
            Assert.Equal(definition, back with { Options = definition.Options });
            Assert.Equal(definition.Options, back.Options);
        }

        var pipeline = Fresh.Pipelines[0];
        var read = JsonSerializer.Deserialize(JsonSerializer.Serialize(pipeline, SchemaJson.Default.Pipeline), SchemaJson.Default.Pipeline)!;
        Assert.Equal(pipeline, read with { Stages = pipeline.Stages });
        Assert.Equal(pipeline.Stages, read.Stages);
        Assert.Equal(Fresh.Groups[0], JsonSerializer.Deserialize("""{"name":"ticketinformation","label":"Ticket information","displayOrder":0,"archived":false}""", SchemaJson.Default.PropertyGroup));
    }
}
