namespace Docket.Tests.Contract;

/// <summary>The check of answers finds what is wrong with one, and says where.</summary>
public sealed class PublishedApiTests
{
    const string Good =
        """{"status":"COMPLETE","results":[{"id":"1","properties":{"subject":"a"},"createdAt":"2026-03-14T09:26:53.589Z","updatedAt":"2026-03-14T09:26:53Z","archived":false,"new":true}],"numErrors":1,"errors":[{"status":"error","category":"X","message":"m","context":{"ids":["2"]},"errors":[],"links":{}}],"startedAt":"2026-03-14T09:26:53Z","completedAt":"2026-03-14T09:26:53Z"}""";

    const string Batch = "BatchResponseSimplePublicUpsertObjectWithErrors", One = "SimplePublicUpsertObject";

    [Theory]
    [InlineData("\"COMPLETE\"", "\"DONE\"", "Enum at " + Batch + " /status")]
    [InlineData(",\"new\":true", "", "Missing at " + One + " /new")]
    [InlineData(",\"new\":true", ",\"new\":true,\"old\":false", "Unknown at " + One + " /old")]
    [InlineData("\"new\":true", "\"new\":\"true\"", "Type at " + One + " /new")]
    [InlineData("\"id\":\"1\"", "\"id\":1", "Type at " + One + " /id")]
    [InlineData("\"subject\":\"a\"", "\"subject\":null", "Null at " + One + " /properties/*")]
    [InlineData("\"subject\":\"a\"", "\"subject\":7", "Type at " + One + " /properties/*")]
    [InlineData("09:26:53.589Z", "9:26Z", "Format at " + One + " /createdAt")]
    [InlineData("\"numErrors\":1", "\"numErrors\":3000000000", "Format at " + Batch + " /numErrors")]
    [InlineData("\"numErrors\":1", "\"numErrors\":1.5", "Type at " + Batch + " /numErrors")]
    [InlineData("[\"2\"]", "[2]", "Type at StandardError /context/*/*")]
    [InlineData("\"id\":\"1\"", "\"id\":\"1\",\"id\":\"2\"", "Body at " + Batch + " ")]
    public void What_is_wrong_with_an_answer_is_found(string right, string wrong, string finding)
    {
        var upsert = PublishedApi.OrSkip().Find("POST", "/crm/v3/objects/0-5/batch/upsert")!;
        Assert.Equal(["Key at StandardError /context/ids"], PublishedApi.Check(upsert, 207, Good).Select(found => found.ToString()));
        Assert.Contains(finding, PublishedApi.Check(upsert, 207, Good.Replace(right, wrong, StringComparison.Ordinal)).Select(found => found.ToString()));
    }

    [Theory]
    [InlineData("GET", "/crm/v3/properties/tickets/groups", "/crm/v3/properties/{objectType}/groups")]
    [InlineData("GET", "/crm/v3/properties/Ticket/subject", "/crm/v3/properties/{objectType}/{propertyName}")]
    [InlineData("PATCH", "/crm/v3/objects/TICKET/1", "/crm/v3/objects/tickets/{ticketId}")]
    [InlineData("POST", "/crm/objects/2026-09-beta/tickets/merge", "/crm/objects/2026-09/{objectType}/merge")]
    [InlineData("POST", "/crm/v3/objects/widgets", "/crm/v3/objects/{objectType}")]
    [InlineData("PUT", "/crm/v3/objects/tickets/1", null)]
    public void A_request_is_answered_by_the_operation_that_names_it_best(string method, string path, string? operation) =>
        Assert.Equal(operation, PublishedApi.OrSkip().Find(method, path)?.Path);
}
