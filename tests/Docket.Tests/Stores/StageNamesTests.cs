using Docket.Model;

namespace Docket.Tests.Stores;

/// <summary>The properties of stages whatever the stages are called: their names are plain, and what they hold survives restarts, deletions and upgrades.</summary>
public sealed class StageNamesTests : IDisposable
{
    const string Tickets = "/crm/v3/objects/tickets", Pipelines = "/crm/v3/pipelines/tickets", Properties = "/crm/v3/properties/tickets";

    static readonly string[] Odd = ["1f2e3d4c-5b6a-4789-90ab-cdef01234567", "In Progress, é", "in-progress--é", "In Progress; é", "done", "77"];

    readonly string directory = Directory.CreateTempSubdirectory("docket-stages-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task Properties_of_oddly_named_stages_are_listed_written_searched_and_kept()
    {
        string id;
        ManualClock clock;
        await using (var server = await TestServer.StartAsync(directory))
        {
            clock = server.Clock;
            id = await FillAsync(server);
            await AssertKeptAsync(server, id);

            // A stage that goes and comes again, by another name, has what it had.
            (await server.DeleteAsync($"{Pipelines}/odd/stages/{Uri.EscapeDataString(Odd[1])}")).Expect(204);
            await AssertPlainNamesAsync(server);
            (await server.PostAsync($"{Pipelines}/odd/stages", $$$"""{"stageId":"{{{Odd[1]}}}","label":"Back again","displayOrder":1,"metadata":{"ticketState":"OPEN"}}""")).Expect(201);
            await AssertKeptAsync(server, id);
        }

        await using var restarted = await TestServer.StartAsync(directory, clock: clock);
        await AssertKeptAsync(restarted, id);
    }

    [Fact]
    public async Task A_file_with_the_older_names_is_upgraded_with_its_values_and_their_history()
    {
        string id, file;
        ManualClock clock;
        await using (var server = await TestServer.StartAsync(directory))
        {
            (clock, file) = (server.Clock, server.PortalFile);
            id = await FillAsync(server);
            (await server.PostAsync($"{Pipelines}/odd/stages", """{"stageId":"Gone for ever!","label":"Gone","displayOrder":9,"metadata":{"ticketState":"OPEN"}}""")).Expect(201);
            (await server.DeleteAsync($"{Pipelines}/odd/stages/{Uri.EscapeDataString("Gone for ever!")}")).Expect(204);
        }

        using (var older = OldFiles.PortalBefore(file, "stage-names.sql"))
        {
            foreach (var stage in (string[])[.. Odd, "Gone for ever!"])
            {
                using var rename = older.Prepare("UPDATE property SET name = replace(name, ?1, ?2), definition = json_set(definition, '$.name', replace(name, ?1, ?2)) WHERE name LIKE '%_' || ?1");
                rename.Bind(StageProperties.NameOf(null, stage)).Bind(stage).Run();
            }

            Assert.Equal(7, older.QueryInteger("SELECT count(*) FROM property WHERE archived = 1 AND name LIKE '%_Gone for ever!' AND definition LIKE '%_Gone for ever!%'"));
            Assert.Equal(4 * 7, older.QueryInteger("SELECT count(*) FROM property WHERE archived = 0 AND name GLOB '*[^a-z0-9_]*'"));
        }

        await using var upgraded = await TestServer.StartAsync(directory, clock: clock);
        await AssertKeptAsync(upgraded, id);
        Assert.Equal("datetime", (await upgraded.GetAsync($"{Properties}/{StageProperties.Entered}{StageProperties.NameOf(null, "Gone for ever!")}?archived=true")).Expect(200)["type"]);
        (await upgraded.GetAsync($"{Properties}/hs_v2_date_entered_current_stage")).Expect(200);
    }

    /// <summary>A ticket that went through all of the odd stages, an hour in each.</summary>
    static async Task<string> FillAsync(TestServer server)
    {
        var stages = string.Join(',', Odd.Select((stage, at) => $$$"""{"stageId":"{{{stage}}}","label":"Stage {{{at}}}","displayOrder":{{{at}}},"metadata":{"ticketState":"{{{(at == 4 ? "CLOSED" : "OPEN")}}}"}}"""));
        (await server.PostAsync(Pipelines, $$"""{"pipelineId":"odd","label":"Odd","displayOrder":1,"stages":[{{stages}}]}""")).Expect(201);
        var id = (await server.PostAsync(Tickets, $$$"""{"properties":{"hs_pipeline":"odd","hs_pipeline_stage":"{{{Odd[0]}}}"}}""")).Expect(201)["id"]!;
        foreach (var stage in Odd.Skip(1))
        {
            server.Clock.Advance(TimeSpan.FromHours(1));
            (await server.PatchAsync($"{Tickets}/{id}", $$$"""{"properties":{"hs_pipeline_stage":"{{{stage}}}"}}""")).Expect(200);
        }

        return id;
    }

    static async Task AssertKeptAsync(TestServer server, string id)
    {
        await AssertPlainNamesAsync(server);
        var start = DateTimeOffset.Parse("2026-03-14T09:26:53.589Z", System.Globalization.CultureInfo.InvariantCulture);
        var seen = new HashSet<string>();
        foreach (var (at, stage) in Odd.Index())
        {
            var name = StageProperties.NameOf(null, stage);
            Assert.True(seen.Add(name));
            var (entered, cumulative, older) = (StageProperties.Entered + name, StageProperties.CumulativeTime + name, StageProperties.OlderEntered + name);
            var ticket = (await server.GetAsync($"{Tickets}/{id}?properties={entered},{cumulative},{older}&propertiesWithHistory={entered}")).Expect(200);
            var moment = start.AddHours(at).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture);
            Assert.Equal((moment, moment, at < Odd.Length - 1 ? "3600000" : null), (ticket[$"properties.{entered}"], ticket[$"properties.{older}"], ticket[$"properties.{cumulative}"]));
            Assert.Equal(moment, ticket[$"propertiesWithHistory.{entered}[0].value"]);
            Assert.Equal(id, (await server.PostAsync(Tickets + "/search", $$"""{"filters":[{"propertyName":"{{entered}}","operator":"EQ","value":"{{moment}}"}]}""")).Expect(200)["results[0].id"]);
        }
    }

    static async Task AssertPlainNamesAsync(TestServer server)
    {
        foreach (var archived in (string[])["false", "true"])
        {
            var listed = (await server.GetAsync($"{Properties}?archived={archived}")).Expect(200);
            Assert.All(listed.Json!["results"]!.AsArray(), property => Assert.Matches("^[a-z][a-z0-9_]*$", property!["name"]!.ToString()));
        }
    }
}
