namespace Docket.Tests.Types;

/// <summary>Properties whose options HubSpot doesn't publish take any value (reference/objects-other-than-tickets.md 13).</summary>
public class OpenOptionsTests
{
    const string Notes = "/crm/v3/objects/notes", Deals = "/crm/v3/objects/deals";

    [Fact]
    public async Task Any_ids_are_stored_as_sent_and_a_leading_separator_appends_those_that_are_new()
    {
        await using var server = await TestServer.StartAsync();
        var id = (await server.PostAsync(Notes, """{"properties":{"hs_timestamp":"2026-03-12T10:00:00Z","hs_attachment_ids":"24332474034;24332474044"}}""")).Expect(201)["id"];
        Assert.Equal("24332474034;24332474044;7", (await server.PatchAsync($"{Notes}/{id}", """{"properties":{"hs_attachment_ids":";7;24332474034"}}""")).Expect(200)["properties.hs_attachment_ids"]);
        Assert.Equal("5", (await server.PatchAsync($"{Notes}/{id}", """{"properties":{"hs_attachment_ids":"5"}}""")).Expect(200)["properties.hs_attachment_ids"]);
        Assert.Equal("1", (await server.PostAsync(Notes + "/search", """{"filterGroups":[{"filters":[{"propertyName":"hs_attachment_ids","operator":"EQ","value":"5"}]}]}""")).Expect(200)["total"]);
    }

    [Fact]
    public async Task A_value_that_becomes_too_long_by_appending_is_refused()
    {
        await using var server = await TestServer.StartAsync();
        var id = (await server.PostAsync(Deals, $$"""{"properties":{"dealname":"A","hs_shared_user_ids":"{{Ids(0)}}"} }""")).Expect(201)["id"];
        var refused = (await server.PatchAsync($"{Deals}/{id}", $$"""{"properties":{"hs_shared_user_ids":";{{Ids(10_000)}}"} }""")).Expect(400);
        Assert.Contains("hs_shared_user_ids", refused.Text, StringComparison.Ordinal);
        Assert.Equal(Ids(0), (await server.GetAsync($"{Deals}/{id}?properties=hs_shared_user_ids")).Expect(200)["properties.hs_shared_user_ids"]);

        static string Ids(int from) => string.Join(';', Enumerable.Range(from + 10_000, 8_000));
    }
}
