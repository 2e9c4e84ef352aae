using System.Text;

namespace Docket.Tests.TestKit;

/// <summary>Warnings of what HubSpot takes in silence.</summary>
public sealed class StrictTests
{
    const string Tickets = "/crm/v3/objects/tickets";

    [Theory]
    [InlineData("GET", Tickets + "?properties=subject,subjct&propertiesWithHistory=zzz,hs_v2_date_entered_1", "", "tickets have no property \"subjct\", so it is not in the answer. Did you mean subject?", "tickets have no property \"zzz\", so it is not in the answer.")]
    [InlineData("POST", Tickets + "/batch/read", """{"inputs":[{"id":"1","ids":2}],"properties":["contnt"],"propertys":[]}""", "tickets have no property \"contnt\", so it is not in the answer. Did you mean content?", "The member \"ids\" of the body is ignored. Did you mean id?", "The member \"propertys\" of the body is ignored. Did you mean properties?")]
    [InlineData("POST", Tickets + "/search", """{"filterGroup":[],"filterGroups":[{"filter":[],"filters":[{"propertyName":"subject","operator":"EQ","value":"a","valu":1}]}],"sorts":[{"propertyName":"subject","order":"x"}],"properties":["prio"]}""", "tickets have no property \"prio\", so it is not in the answer.", "The member \"filterGroup\" of the body is ignored. Did you mean filterGroups?", "The member \"filter\" of the body is ignored. Did you mean filters?", "The member \"valu\" of the body is ignored. Did you mean value?", "The member \"order\" of the body is ignored.")]
    [InlineData("POST", Tickets, """{"properties":{"subject":"a","hs_pipeline_stage":"1"},"pr\u006fperty":{}}""", "The member \"property\" of the body is ignored.")]
    [InlineData("POST", Tickets + "/batch/upsert", """{"input":[],"inputs":[{"id":"1","idProperty":"ext_id","properties":{"subject":"a","hs_pipeline_stage":"1"},"associations":[],"träce":"x"}]}""", "The member \"input\" of the body is ignored. Did you mean inputs?", "The member \"associations\" of the body is ignored.", "The member \"tr?ce\" of the body is ignored.")]
    [InlineData("GET", "/crm-objects/v1/objects/tickets/paged", "", "HubSpot supports v1 paths until September 2027. Use a dated path such as /crm/objects/2026-03.")]
    [InlineData("GET", "/crm/v4/objects/tickets/1/associations/contacts", "", "HubSpot supports v4 paths until 2027-03-30. Use a dated path such as /crm/associations/2026-03.")]
    [InlineData("POST", "/crm/v3/associations/tickets/contacts/batch/read", """{"inputs":[{"id":"1"}]}""", "The associations of v3 have no labels, and HubSpot supports them until September 2027. Use a dated path such as /crm/associations/2026-03.")]
    [InlineData("GET", Tickets + "?hapikey=x", "", "hapikey is ignored: HubSpot retired API keys on 2022-11-30.")]
    [InlineData("GET", Tickets + "?properties=subject&limit=1", "")]
    [InlineData("GET", "/crm/objects/2026-03/tickets", "")]
    [InlineData("POST", Tickets + "/batch/read", """{"inputs":[{"id":"1"}],"properties":["subject"],"propertiesWithHistory":["content"],"idProperty":"hs_object_id"}""")]
    public async Task A_strict_portal_warns_in_a_header_and_changes_nothing_else(string method, string path, string body, params string[] warnings)
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var lax = await SendAsync(server, method, path, body);
        Assert.False(lax.Headers.Contains("Docket-Warning"));
        await using var other = await TestServer.StartWithKeyAsync();
        (await other.PatchAsync("/docket/v1/settings", """{"strict":"on"}""")).Expect(200);
        var strict = await SendAsync(other, method, path, body);
        Assert.Equal(warnings, strict.Headers.TryGetValues("Docket-Warning", out var found) ? found : []);
        Assert.Equal((lax.Status, WithoutId(lax.Text)), (strict.Status, WithoutId(strict.Text)));
    }

    static string WithoutId(string text) => System.Text.RegularExpressions.Regex.Replace(text, "00000000-0000-7000-8000-[0-9]{12}", "~");

    static async Task<Answer> SendAsync(TestServer server, string method, string path, string body)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = body.Length == 0 ? null : new StringContent(body, Encoding.UTF8, "application/json") };
        using var response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        return await Answer.OfAsync(response);
    }
}
