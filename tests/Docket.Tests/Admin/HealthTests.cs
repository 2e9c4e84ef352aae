using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Docket.Admin;
using Docket.Model;
using Docket.Sqlite;
using Docket.Stores;
using Microsoft.AspNetCore.Http;

namespace Docket.Tests.Admin;

/// <summary>What a supervisor asks without a token: healthy is who answers, ready is who can serve.</summary>
public sealed class HealthTests
{
    [Fact]
    public async Task A_server_is_healthy_and_ready_and_says_so_to_anyone()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal($$"""{"status":"ok","version":"{{typeof(DocketServer).Assembly.GetName().Version!.ToString(3)}}"}""", (await AskAsync(server, "/healthz")).Expect(200).Text);
        var ready = await UntilAsync(server, answer => answer["indexing"] is null);
        Assert.Equal("""{"status":"ready"}""", ready.Expect(200).Text);
        Assert.Equal("no-store", ready.Headers.CacheControl!.ToString());
    }

    [Fact]
    public async Task The_root_says_what_this_is_to_programs_and_to_people()
    {
        await using var server = await TestServer.StartAsync();
        var version = typeof(DocketServer).Assembly.GetName().Version!.ToString(3);
        var json = (await AskAsync(server, "/")).Expect(200);
        Assert.Equal(("Docket", version), (json["name"], json["version"]));
        Assert.Contains("docs/", json["documentation"]!, StringComparison.Ordinal);

        using var http = server.NewClient();
        http.DefaultRequestHeaders.Accept.ParseAdd("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
        using var page = await http.GetAsync("/", TestContext.Current.CancellationToken);
        Assert.Equal("text/html", page.Content.Headers.ContentType!.MediaType);
        var html = await page.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Contains($"Docket <span>{version}</span>", html, StringComparison.Ordinal);
        Assert.Contains("README.md", html, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Engine", "SQLite")]
    public async Task Asking_writes_nothing()
    {
        await using var server = await TestServer.StartAsync();
        await AskAsync(server, "/readyz");
        var before = (new FileInfo(server.PortalFile).Length, new FileInfo(server.PortalFile + "-wal").Length);
        for (var i = 0; i < 10; i++)
        {
            (await AskAsync(server, "/readyz")).Expect(200);
        }

        Assert.Equal(before, (new FileInfo(server.PortalFile).Length, new FileInfo(server.PortalFile + "-wal").Length));
    }

    [Fact]
    public async Task A_locked_file_is_reported_until_it_is_free()
    {
        await using var server = await TestServer.StartAsync(busyTimeoutMs: 100);
        using (var other = await server.OpenBackDoorAsync())
        {
            other.Lock();
            var answer = await UntilAsync(server, answer => answer.Status == 503);
            Assert.Equal(("unready", "locked"), (answer["status"], answer["portals[0].state"]));
            (await AskAsync(server, "/healthz")).Expect(200);
            other.Unlock();
        }

        Assert.Equal("ready", (await UntilAsync(server, answer => answer.Status == 200))["status"]);
    }

    [Fact]
    [Trait("Engine", "SQLite")]
    public async Task A_write_that_failed_is_tried_before_the_portal_is_ready_again()
    {
        await using var server = await TestServer.StartAsync(busyTimeoutMs: 100);
        using var other = new Connection(server.PortalFile, create: false);
        other.Execute("BEGIN EXCLUSIVE");
        (await server.PostAsync("/crm/v3/objects/tickets", """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""")).Expect(503);
        other.Execute("ROLLBACK");
        var before = other.QueryInteger("PRAGMA data_version");
        await UntilAsync(server, answer => answer.Status == 200);
        Assert.NotEqual(before, other.QueryInteger("PRAGMA data_version")); // someone has written
    }

    [Fact]
    [Trait("Engine", "SQLite")]
    public async Task A_file_that_was_deleted_under_the_server_is_reported()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows doesn't delete open files.");
        await using var server = await TestServer.StartAsync();
        File.Move(server.PortalFile, server.PortalFile + ".away");
        Assert.Equal("missing", (await AskAsync(server, "/readyz")).Expect(503)["portals[0].state"]);
        File.Move(server.PortalFile + ".away", server.PortalFile);
        (await AskAsync(server, "/readyz")).Expect(200);
    }

    [Fact]
    [Trait("Engine", "SQLite")]
    public async Task Only_the_portal_that_is_not_ready_is_named()
    {
        await using var server = await TestServer.StartAsync();
        await using (var portals = await server.OpenPortalsAsync())
        {
            await portals.CreateAsync("other");
        }

        await File.WriteAllTextAsync(Path.Combine(server.DataDirectory, "portal-24000002.db"), new string('x', 5_000), TestContext.Current.CancellationToken);
        var answer = (await AskAsync(server, "/readyz")).Expect(503);
        Assert.Equal((1, "24000002", "damaged"), (answer.Count("portals"), answer["portals[0].id"], answer["portals[0].state"]));
    }

    [Fact]
    public async Task Without_the_list_of_portals_it_is_not_ready()
    {
        await using var server = await TestServer.StartAsync();
        using var other = await BackDoor.OpenAsync(server.DataDirectory, "docket.db");
        other.Execute("ALTER TABLE portal RENAME TO gone");
        Assert.Equal("""{"status":"no-registry"}""", (await AskAsync(server, "/readyz")).Expect(503).Text);
        other.Execute("ALTER TABLE gone RENAME TO portal");
        (await AskAsync(server, "/readyz")).Expect(200);
    }

    [Fact]
    public async Task A_server_that_tidies_up_without_the_list_of_portals_stops_in_order()
    {
        var clock = new ManualClock { HoldsTimers = true };
        var server = await TestServer.StartAsync(clock: clock);
        using var other = await BackDoor.OpenAsync(server.DataDirectory, "docket.db");
        other.Execute("ALTER TABLE portal RENAME TO gone");
        for (var round = 0; round < 5; round++)
        {
            clock.Advance(TimeSpan.FromHours(1)); // old jobs are removed now and then
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_server_that_stops_is_not_ready()
    {
        await using var server = await TestServer.StartAsync();
        await using var portals = await server.OpenPortalsAsync();
        var http = new DefaultHttpContext();
        http.Response.Body = new MemoryStream();
        await HealthRoutes.ReadyAsync(http, portals, new CancellationToken(canceled: true));
        Assert.Equal((503, """{"status":"stopping"}"""), (http.Response.StatusCode, System.Text.Encoding.UTF8.GetString(((MemoryStream)http.Response.Body).ToArray())));
    }

    [Fact]
    [Trait("Engine", "SQLite")]
    public async Task One_portal_can_be_asked_about()
    {
        await using var server = await TestServer.StartAsync();
        await using (var portals = await server.OpenPortalsAsync())
        {
            await portals.CreateAsync("other");
        }

        await File.WriteAllTextAsync(Path.Combine(server.DataDirectory, "portal-24000002.db"), new string('x', 5_000), TestContext.Current.CancellationToken);
        await UntilAsync(server, answer => answer["indexing"] is null);
        Assert.Equal("""{"status":"ready"}""", (await AskAsync(server, "/readyz?portal=24000001")).Expect(200).Text);
        Assert.Equal("damaged", (await AskAsync(server, "/readyz?portal=24000002")).Expect(503)["portals[0].state"]);
        Assert.Equal("""{"status":"unknown"}""", (await AskAsync(server, "/readyz?portal=24000003")).Expect(404).Text);
        Assert.Equal("""{"status":"unknown"}""", (await AskAsync(server, "/readyz?portal=x")).Expect(404).Text);
    }

    [Theory]
    [InlineData("building", "?portal=1", 503, """{"status":"building"}""")]
    [InlineData("building", "", 200, """{"status":"ready","indexing":1}""")]
    [InlineData("behind", "?portal=1", 200, """{"status":"ready","indexing":1}""")]
    [InlineData("closed", "?portal=1", 200, """{"status":"ready"}""")]
    public async Task A_portal_whose_index_is_built_is_not_ready_when_it_is_asked_about(string index, string query, int status, string answer)
    {
        var portals = DispatchProxy.Create<IPortals, OnePortal>();
        ((OnePortal)(object)portals).Condition = new(Condition.Ready, index);
        var http = new DefaultHttpContext { Request = { QueryString = new(query) } };
        http.Response.Body = new MemoryStream();
        await HealthRoutes.ReadyAsync(http, portals, CancellationToken.None);
        Assert.Equal((status, answer), (http.Response.StatusCode, System.Text.Encoding.UTF8.GetString(((MemoryStream)http.Response.Body).ToArray())));
        Assert.Equal(status == 503, http.Response.Headers.RetryAfter.Count > 0);
    }

    /// <summary>Portals of which there is one, in a given condition.</summary>
    [SuppressMessage("Performance", "CA1852:Seal internal types", Justification = "The proxy derives from it.")]
    internal class OnePortal : DispatchProxy
    {
        public Condition Condition { get; set; } = null!;

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => targetMethod!.Name switch
        {
            nameof(IPortals.ListAsync) => new ValueTask<ImmutableArray<Portal>>([new(1, "one", 0)]),
            nameof(IPortals.ConditionAsync) => Task.FromResult(Condition),
            _ => throw new NotSupportedException(),
        };
    }

    static async Task<Answer> AskAsync(TestServer server, string path)
    {
        using var http = server.NewClient();
        using var response = await http.GetAsync(path, TestContext.Current.CancellationToken);
        return await Answer.OfAsync(response);
    }

    static async Task<Answer> UntilAsync(TestServer server, Func<Answer, bool> wanted)
    {
        using var enough = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        Answer answer;
        while (!wanted(answer = await AskAsync(server, "/readyz")))
        {
            Assert.False(enough.IsCancellationRequested, answer.Text);
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        return answer;
    }
}
