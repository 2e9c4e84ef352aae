namespace Docket.Tests.Objects;

/// <summary>Labels of options and addresses of owners with <c>Docket-Labels</c>, through the real server.</summary>
public sealed class LabelTests
{
    const string Tickets = "/crm/v3/objects/tickets";

    [Fact]
    public async Task Options_are_taken_and_shown_by_label_and_owners_by_address()
    {
        await using var server = await StartAsync();
        server.Http.DefaultRequestHeaders.Add("Docket-Labels", "true");
        var owner = (await server.PostAsync("/docket/v1/users", """{"email":"Ann@example.com"}""")).Expect(201)["id"]!;
        var written = (await server.PostAsync(Tickets + "/batch/upsert", """{"inputs":[{"idProperty":"ext_id","id":"A","properties":{"hs_pipeline_stage":"new","hs_ticket_priority":" high ","tags_set":"Second tag;a","size":"Large","hubspot_owner_id":"ANN@example.com"}}]}""")).Expect(200);
        Assert.Equal(("High", "Ann@example.com", "Large"), (written["results[0].properties.hs_ticket_priority"], written["results[0].properties.hubspot_owner_id"], written["results[0].properties.size"]));
        (await server.PatchAsync(Tickets + "/A?idProperty=ext_id", """{"properties":{"tags_set":";third tag"}}""")).Expect(200);

        const string shown = "properties=hs_ticket_priority,hubspot_owner_id,tags_set,hs_is_closed";
        foreach (var read in (Answer[])
        [
            (await server.GetAsync($"{Tickets}/A?idProperty=ext_id&{shown}&propertiesWithHistory=hs_ticket_priority")).Expect(200),
            await OneAsync(server.GetAsync($"{Tickets}?{shown}")),
            await OneAsync(server.PostAsync(Tickets + "/batch/read", """{"idProperty":"ext_id","properties":["hs_ticket_priority","hubspot_owner_id","tags_set","hs_is_closed"],"inputs":[{"id":"A"}]}""")),
        ])
        {
            var prefix = read.Text.Contains("\"results\":[", StringComparison.Ordinal) ? "results[0]." : "";
            Assert.Equal(
                ("High", "Ann@example.com", "Second tag;First tag;Third tag", "false"),
                (read[prefix + "properties.hs_ticket_priority"], read[prefix + "properties.hubspot_owner_id"], read[prefix + "properties.tags_set"], read[prefix + "properties.hs_is_closed"]));
        }

        server.Http.DefaultRequestHeaders.Remove("Docket-Labels");
        var stored = (await server.GetAsync($"{Tickets}/A?idProperty=ext_id&properties=hs_ticket_priority,hubspot_owner_id,tags_set,size")).Expect(200);
        Assert.Equal(("HIGH", owner, "b;a;c", "L"), (stored["properties.hs_ticket_priority"], stored["properties.hubspot_owner_id"], stored["properties.tags_set"], stored["properties.size"]));
    }

    [Theory]
    [InlineData("hs_ticket_priority", "EQ", "\"value\":\"high\"", 1)]
    [InlineData("hs_ticket_priority", "EQ", "\"value\":\"HIGH\"", 1)]
    [InlineData("hs_ticket_priority", "NEQ", "\"value\":\"High\"", 1)]
    [InlineData("hs_ticket_priority", "IN", "\"values\":[\"Low\",\"High\"]", 1)]
    [InlineData("hubspot_owner_id", "EQ", "\"value\":\"ann@example.com\"", 1)]
    [InlineData("hubspot_owner_id", "IN", "\"values\":[\"ann@example.com\"]", 1)]
    [InlineData("size", "EQ", "\"value\":\"double\"", 1)]
    [InlineData("hs_ticket_priority", "EQ", "\"value\":\"nothing\"", 0)]
    public async Task A_search_takes_them_too(string property, string @operator, string value, int found)
    {
        await using var server = await StartAsync();
        (await server.PostAsync("/docket/v1/users", """{"email":"ann@example.com"}""")).Expect(201);
        server.Http.DefaultRequestHeaders.Add("Docket-Labels", "true");
        (await server.PostAsync(Tickets, """{"properties":{"hs_pipeline_stage":"1","hs_ticket_priority":"HIGH","size":"d2","hubspot_owner_id":"ann@example.com"}}""")).Expect(201);
        (await server.PostAsync(Tickets, """{"properties":{"hs_pipeline_stage":"1"}}""")).Expect(201);
        var search = (await server.PostAsync(Tickets + "/search", $$"""{"properties":["size"],"filterGroups":[{"filters":[{"propertyName":"{{property}}","operator":"{{@operator}}",{{value}}}]}]}""")).Expect(200);
        Assert.Equal(found.ToString(), search["total"]);
    }

    [Theory]
    [InlineData("size", "DOUBLE", "DOUBLE is the label of several options: [d1, d2]. Specify the option's value.")]
    [InlineData("size", "Unknown", "Unknown was not one of the allowed options: ")]
    [InlineData("hubspot_owner_id", "nobody@example.com", "nobody@example.com")]
    public async Task A_label_of_several_options_or_of_none_is_refused(string property, string value, string message)
    {
        await using var server = await StartAsync();
        (await server.PostAsync("/docket/v1/users", """{"email":"ann@example.com"}""")).Expect(201);
        server.Http.DefaultRequestHeaders.Add("Docket-Labels", "true");
        var refused = (await server.PostAsync(Tickets, $$$"""{"properties":{"hs_pipeline_stage":"1","{{{property}}}":"{{{value}}}"}}""")).Expect(400);
        Assert.Contains(message, refused["message"], StringComparison.Ordinal);
    }

    static async Task<TestServer> StartAsync()
    {
        var server = await TestServer.StartWithKeyAsync();
        static string Options(params string[] options) => $",\"options\":[{string.Join(',', options.Select(option => $"{{\"value\":\"{option.Split('=')[0]}\",\"label\":\"{option.Split('=')[1]}\"}}"))}]";
        await server.CreatePropertyAsync("size", "enumeration", "select", unique: false, Options("L=Large", "d1=Double", "d2=double "));
        await server.CreatePropertyAsync("tags_set", "enumeration", "checkbox", unique: false, Options("a=First tag", "b=Second tag", "c=Third tag"));
        return server;
    }

    static async Task<Answer> OneAsync(Task<Answer> answer)
    {
        var one = (await answer).Expect(200);
        Assert.Equal(1, one.Count("results"));
        return one;
    }
}
