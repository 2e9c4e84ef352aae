using Docket.Conversations;
using Docket.Conversations.Recording;

namespace Docket.Tests.Comparing;

public sealed class RecorderTests
{
    static readonly (string, string)[] Headers = [("Authorization", "Bearer pat-na1-0123abcd-0000-0000-0000-00000000beef"), ("User-Agent", "shop/1.0"), ("Cookie", "session=abcdefgh"), ("Content-Type", "application/json")];

    readonly Recorder recorder = new("https://hubspot.test", ["nickname"]);

    [Fact]
    public void An_id_that_a_later_request_uses_is_captured_where_it_was_given()
    {
        Add("POST", "/crm/v3/objects/tickets", """{"properties":{"subject":"a"}}""", 201, """{"id":"50123","properties":{"hs_object_id":"50123"}}""");
        Add("PATCH", "/crm/v3/objects/tickets/50123", """{"properties":{"subject":"b"}}""", 200, """{"id":"50123"}""");
        Add("POST", "/crm/v3/objects/tickets/batch/read", """{"inputs":[{"id":"50123"},{"id":"70001"}]}""", 200, """{"results":[{"id":"50123"},{"id":"70001"}]}""");
        Add("GET", "/crm/v3/objects/tickets/70001?after=50123", "", 200, "{}");
        Assert.Equal(
            """
            POST {{docket}}/crm/v3/objects/tickets
            Authorization: Bearer {{token}}
            {
              "properties": {"subject":"a"}
            }
            HTTP 201
            [Captures]
            id1: jsonpath "$.id"
            {
              "id": "{{id1}}",
              "properties": {"hs_object_id":"{{id1}}"}
            }

            PATCH {{docket}}/crm/v3/objects/tickets/{{id1}}
            Authorization: Bearer {{token}}
            {
              "properties": {"subject":"b"}
            }
            HTTP 200
            {
              "id": "{{id1}}"
            }

            POST {{docket}}/crm/v3/objects/tickets/batch/read
            Authorization: Bearer {{token}}
            {
              "inputs": [{"id":"{{id1}}"},{"id":"70001"}]
            }
            HTTP 200
            {
              "results": [{"id":"{{id1}}"},{"id":"70001"}]
            }

            GET {{docket}}/crm/v3/objects/tickets/70001?after={{id1}}
            Authorization: Bearer {{token}}
            HTTP 200
            {}

            """.ReplaceLineEndings("\n"), recorder.ToConversation());
    }

    [Fact]
    public void Personal_values_are_replaced_everywhere_and_alike()
    {
        Add("POST", "/crm/v3/objects/tickets", """{"properties":{"subject":"Ann Smith of Acme Ltd called, +49 30 1234567 or ann@acme.com","content":"Announcement"}}""", 201, "{}");
        Add("POST", "/crm/v3/objects/contacts", """{"properties":{"email":"Ann@Acme.com","firstname":"Ann","lastname":"Smith","phone":"030/123-4567","company":"Acme Ltd","nickname":"Annie"}}""", 201,
            """{"properties":{"hs_email_domain":"acme.com","hs_searchable_calculated_phone_number":"301234567"},"propertiesWithHistory":{"firstname":[{"value":"Ann","sourceId":"ann@acme.com"}]}}""");
        Add("POST", "/crm/v3/objects/contacts/search", """{"filterGroups":[{"filters":[{"propertyName":"lastname","operator":"IN","values":["Smith","Jones"]}]}],"query":"ann@acme.com"}""", 200, "{}");
        Add("GET", "/crm/v3/objects/contacts/ann%40acme.com?idProperty=email", "", 200, "{}");
        var file = recorder.ToConversation();

        Assert.All(["Ann ", "Smith", "Acme", "acme", "1234567", "123-4567", "Jones", "\"Ann\"", "Annie"], value => Assert.DoesNotContain(value, file, StringComparison.Ordinal));
        Assert.Contains("\"subject\": \"First1 Last1 of Company1 called, +15550100001 or person1@domain1.example.com\"", file, StringComparison.Ordinal);
        Assert.Contains("Announcement", file, StringComparison.Ordinal);
        Assert.Contains("\"email\": \"person1@domain1.example.com\"", file, StringComparison.Ordinal);
        Assert.Contains("\"hs_email_domain\":\"domain1.example.com\",\"hs_searchable_calculated_phone_number\":\"+15550100001\"", file, StringComparison.Ordinal);
        Assert.Contains("\"values\":[\"Last1\",\"Last2\"]", file, StringComparison.Ordinal);
        Assert.Contains("/contacts/person1%40domain1.example.com?idProperty=email", file, StringComparison.Ordinal);
    }

    [Fact]
    public void Secrets_are_replaced_and_headers_that_mean_nothing_are_left_out()
    {
        recorder.Add(new("POST", "/oauth/v1/token", [("Content-Type", "application/x-www-form-urlencoded")],
            "grant_type=refresh_token&client_id=c-1&client_secret=very-secret&refresh_token=na1-refresh", 200, """{"access_token":"access-0123456789","refresh_token":"na1-refresh","expires_in":1800}"""));
        recorder.Add(new("GET", "/oauth/v1/access-tokens/access-0123456789", Headers, "", 200, """{"token":"access-0123456789","user":"ann@acme.com"}"""));
        var file = recorder.ToConversation();

        Assert.All(["very-secret", "na1-refresh", "access-0123456789", "pat-na1", "session=", "shop/1.0", "acme"], secret => Assert.DoesNotContain(secret, file, StringComparison.Ordinal));
        Assert.Contains("client_id=c-1&client_secret=secret1&refresh_token=secret2", file, StringComparison.Ordinal);
        Assert.Contains("/oauth/v1/access-tokens/secret3\n", file, StringComparison.Ordinal);
        Assert.Contains("Content-Type: application/x-www-form-urlencoded", file, StringComparison.Ordinal);
    }

    [Fact]
    public void Definitions_of_properties_and_codes_of_errors_stay()
    {
        Add("POST", "/crm/v3/properties/tickets", """{"name":"firstname","label":"First name","options":[{"label":"New","value":"new"}]}""", 400, """{"errors":[{"code":"INVALID_OPTION","message":"no"}]}""");
        Add("POST", "/crm-object-schemas/v3/schemas", """{"name":"boats","properties":[{"name":"sails","label":"Sails"}]}""", 201, "{}");
        var file = recorder.ToConversation();
        Assert.All(["\"name\": \"firstname\"", "INVALID_OPTION", "\"name\":\"sails\""], text => Assert.Contains(text, file, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_recording_can_be_read()
    {
        Add("POST", "/crm/v3/objects/tickets", "{ not JSON", 400, "<html>\n`no`\n</html>");
        Add("POST", "/form", "a=1&b=2", 204, "");
        Add("DELETE", "/crm/v3/objects/tickets/1", "", 204, "");
        var read = Conversation.Parse("recording", recorder.ToConversation().Split('\n'));
        Assert.Equal([("POST", 400), ("POST", 204), ("DELETE", 204)], read.Exchanges.Select(exchange => (exchange.Method, exchange.Status)));
        Assert.Equal("a=1&b=2", read.Entries[1].Body);
    }

    void Add(string method, string target, string body, int status, string answer) => recorder.Add(new(method, target, Headers, body, status, answer));
}
