using System.Text.Json.Nodes;
using Docket.Conversations.Comparing;

namespace Docket.Tests.Comparing;

public sealed class CreatedTests
{
    readonly Created created = new();

    [Theory]
    [InlineData("/crm/v3/objects/tickets", """{"id":"501"}""", "/crm/v3/objects/tickets/501")]
    [InlineData("/crm/objects/2026-03/0-5", """{"id":"501"}""", "/crm/objects/2026-03/0-5/501")]
    [InlineData("/crm/v3/objects/tickets/batch/create", """{"results":[{"id":"501"},{"id":"502"}]}""", "/crm/v3/objects/tickets/502 /crm/v3/objects/tickets/501")]
    [InlineData("/crm/v3/objects/tickets/batch/upsert", """{"results":[{"id":"501","new":false},{"id":"502","new":true}]}""", "/crm/v3/objects/tickets/502")]
    [InlineData("/crm/v3/objects/tickets/merge", """{"id":"503"}""", "/crm/v3/objects/tickets/503")]
    [InlineData("/crm/v3/properties/tickets", """{"name":"ext_id"}""", "/crm/v3/properties/tickets/ext_id")]
    [InlineData("/crm/properties/2026-03/tickets/groups", """{"name":"mine"}""", "/crm/properties/2026-03/tickets/groups/mine")]
    [InlineData("/properties/v2/tickets/properties", """{"name":"ext_id"}""", "/properties/v2/tickets/properties/named/ext_id")]
    [InlineData("/crm/v3/pipelines/tickets", """{"id":"9","stages":[{"id":"10"}]}""", "/crm/v3/pipelines/tickets/9")]
    [InlineData("/crm/v3/pipelines/tickets/9/stages", """{"id":"11"}""", "/crm/v3/pipelines/tickets/9/stages/11")]
    [InlineData("/crm-object-schemas/v3/schemas", """{"id":"3","objectTypeId":"2-3","name":"boats"}""", "/crm-object-schemas/v3/schemas/2-3")]
    [InlineData("/crm/v4/associations/tickets/contacts/labels", """{"results":[{"typeId":31},{"typeId":32}]}""", "/crm/v4/associations/tickets/contacts/labels/32 /crm/v4/associations/tickets/contacts/labels/31")]
    [InlineData("/crm/v3/objects/tickets/batch/update", """{"results":[{"id":"501"}]}""", "")]
    [InlineData("/crm/v3/objects/tickets/search", """{"results":[{"id":"501"}]}""", "")]
    public void What_a_post_created_is_deleted_by_its_path_the_newest_first(string path, string answer, string deleted)
    {
        created.Note("POST", path, 201, JsonNode.Parse(answer));
        Assert.Equal(deleted, string.Join(' ', created.Paths));
        Assert.Empty(created.Unknown);
    }

    [Fact]
    public void A_refused_post_has_created_nothing()
    {
        created.Note("POST", "/crm/v3/objects/tickets", 400, JsonNode.Parse("""{"id":"501"}"""));
        Assert.Empty(created.Paths);
    }

    [Theory]
    [InlineData("GET", "/crm/v3/objects/tickets/900", "")]
    [InlineData("POST", "/crm/v3/objects/tickets/search", "{}")]
    [InlineData("POST", "/crm/v3/objects/tickets", """{"associations":[{"to":{"id":"900"}}]}""")]
    [InlineData("PATCH", "/crm/v3/objects/tickets/501", "{}")]
    [InlineData("PATCH", "/crm/v3/objects/tickets/A-1?idProperty=ext_id", "{}")]
    [InlineData("PUT", "/crm/v4/objects/tickets/501/associations/default/contacts/900", "")]
    [InlineData("POST", "/crm/v3/objects/tickets/batch/update", """{"inputs":[{"id":"501"},{"id":"A-1","idProperty":"ext_id","properties":{"id":"900"}}]}""")]
    [InlineData("DELETE", "/crm/v3/properties/tickets/mine", "")]
    [InlineData("POST", "/crm/v3/properties/tickets/batch/archive", """{"inputs":[{"name":"mine"}]}""")]
    public void Reads_creations_and_writes_to_what_was_created_are_sent(string method, string target, string body)
    {
        CreateTicketAndProperty();
        Assert.Null(created.Objection(method, target, Side.Parse(body)));
    }

    [Theory]
    [InlineData("PATCH", "/crm/v3/objects/tickets/900", "{}")]
    [InlineData("DELETE", "/crm/v3/objects/tickets/900", "")]
    [InlineData("PATCH", "/crm/v3/objects/tickets/A-2?idProperty=ext_id", "{}")]
    [InlineData("POST", "/crm/v3/objects/tickets/batch/update", """{"inputs":[{"id":"501"},{"id":"900"}]}""")]
    [InlineData("POST", "/crm/v3/objects/tickets/batch/update", """{"inputs":[{"id":"A-2","idProperty":"ext_id"}]}""")]
    [InlineData("POST", "/crm/v3/objects/tickets/batch/archive", """{"inputs":[{"id":"900"}]}""")]
    [InlineData("POST", "/crm/v3/objects/tickets/merge", """{"primaryObjectId":"501","objectIdToMerge":"900"}""")]
    [InlineData("POST", "/crm/v3/objects/contacts/gdpr-delete", """{"objectId":"900"}""")]
    [InlineData("POST", "/crm/v4/associations/tickets/contacts/batch/create", """{"inputs":[{"from":{"id":"501"},"to":{"id":"900"}}]}""")]
    [InlineData("DELETE", "/crm/v3/properties/tickets/subject", "")]
    [InlineData("POST", "/crm/v3/properties/tickets/batch/archive", """{"inputs":[{"name":"subject"}]}""")]
    [InlineData("PATCH", "/crm/v3/properties/tickets/501", "{}")] // the id of a ticket isn't the name of a property
    [InlineData("POST", "/crm/v3/imports", "")]
    [InlineData("POST", "/marketing/v3/transactional/single-email/send", "{}")]
    public void Writes_to_anything_else_are_not_sent(string method, string target, string body)
    {
        CreateTicketAndProperty();
        Assert.NotNull(created.Objection(method, target, Side.Parse(body)));
    }

    [Fact]
    public void Keys_of_an_upsert_may_be_those_of_foreign_records_unless_the_run_created_property_or_record()
    {
        CreateTicketAndProperty();
        var body = JsonNode.Parse("""{"inputs":[{"id":"A-1","idProperty":"ext_id"},{"id":"A-2","idProperty":"ext_id"},{"id":"x","idProperty":"mine"}]}""");
        Assert.Equal([("ext_id", "A-2")], created.ForeignKeys("/crm/v3/objects/tickets/batch/upsert", body));
    }

    void CreateTicketAndProperty()
    {
        created.Note("POST", "/crm/v3/objects/tickets", 201, JsonNode.Parse("""{"id":"501","properties":{"ext_id":"A-1","hubspot_owner_id":"900"}}"""));
        created.Note("POST", "/crm/v3/properties/tickets", 201, JsonNode.Parse("""{"name":"mine"}"""));
    }
}
