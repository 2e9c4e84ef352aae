using System.Globalization;

namespace Docket.Tests.Promises;

/// <summary>What many records follow of another one, when the process is killed before all of them have.</summary>
public sealed class FollowingPromiseTests
{
    const int Tickets = 2_000, Rounds = 5;

    [Fact]
    [Trait("Category", "Slow")]
    public async Task All_tickets_of_a_contact_follow_an_acknowledged_change_of_it_though_the_server_is_killed()
    {
        var directory = Directory.CreateTempSubdirectory("docket-following-").FullName;
        var (contact, interrupted) = ("", 0);
        for (var round = 0; round < Rounds; round++)
        {
            await using (var server = await ServerProcess.StartAsync(directory))
            {
                contact = round == 0 ? await FillAsync(server) : contact;
                (await server.SendAsync(HttpMethod.Patch, $"/crm/v3/objects/contacts/{contact}", $$"""{"properties":{"firstname":"name{{round}}"} }""")).Expect(200);
                server.Kill();
                await server.EndAsync();
            }

            using (var door = await BackDoor.OpenAsync(directory, "portal-24000001.db"))
            {
                interrupted += int.Parse(door.QueryText("SELECT count(*) FROM unfollowed"), CultureInfo.InvariantCulture);
            }

            await using var again = await ServerProcess.StartAsync(directory);
            while (await CountAsync(again, round) is var count && count < Tickets)
            {
                await Task.Delay(50, TestContext.Current.CancellationToken);
            }
        }

        Assert.NotEqual(0, interrupted);
        await TestEngine.DeleteAsync(directory);
    }

    static async Task<int> CountAsync(ServerProcess server, int round)
    {
        var found = await server.SendAsync(HttpMethod.Post, "/crm/v3/objects/tickets/search", $$"""{"filterGroups":[{"filters":[{"propertyName":"hs_all_associated_contact_firstnames","operator":"EQ","value":"name{{round}}"}]}]}""");
        return found.Status == 503 ? 0 : int.Parse(found.Expect(200)["total"]!, CultureInfo.InvariantCulture); // the index is still built
    }

    static async Task<string> FillAsync(ServerProcess server)
    {
        var contact = (await server.SendAsync(HttpMethod.Post, "/crm/v3/objects/contacts", """{"properties":{}}""")).Expect(201)["id"]!;
        var input = $$"""{"properties":{"hs_pipeline_stage":"1"},"associations":[{"to":{"id":"{{contact}}"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":16}]}]}""";
        for (var at = 0; at < Tickets; at += 100)
        {
            (await server.SendAsync(HttpMethod.Post, "/crm/v3/objects/tickets/batch/create", $$"""{"inputs":[{{string.Join(',', Enumerable.Repeat(input, 100))}}]}""")).Expect(201);
        }

        return contact;
    }
}
