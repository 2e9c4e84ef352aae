using Docket.Model;
using Docket.Model.Types;
using Docket.Stores;
using Docket.Stores.Postgres;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Docket.Tests.Stores;

/// <summary>Portals of one PostgreSQL database that are served twice: what one of them changes, the other one knows.</summary>
public sealed class SeveralProcessesTests : IAsyncLifetime
{
    readonly string directory = Directory.CreateTempSubdirectory("docket-processes-").FullName;
    PostgresSchema schema = null!;
    PostgresPortals first = null!, second = null!;
    Portal portal = null!;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        schema = await PostgresSchema.ChooseAsync();
        first = await OpenAsync("first");
        second = await OpenAsync("second");
        portal = await first.CreateAsync("a portal");
    }

    public async ValueTask DisposeAsync()
    {
        await first.DisposeAsync();
        await second.DisposeAsync();
        await schema.DisposeAsync();
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task A_revoked_token_stops_at_the_other_process()
    {
        var (app, token) = await first.Apps.CreatePrivateAsync(portal.Id, "app", ScopeNames.All);
        Assert.NotNull(await second.FindTokenAsync(token, Cancellation));
        Assert.True(await first.Apps.DeleteAsync(portal.Id, app.Id));
        Assert.Null(await first.FindTokenAsync(token, Cancellation)); // at once where it was revoked
        await UntilAsync(async () => await second.FindTokenAsync(token, Cancellation) is null);
    }

    [Theory]
    [InlineData("/docket/v1/apps/0/refusals", """{"policyName":"DAILY","calls":1}""", 204)]
    [InlineData("/docket/v1/faults", """{"answer":{"status":429}}""", 201)]
    public async Task Calls_are_refused_on_demand_only_while_one_process_serves(string path, string body, int status)
    {
        await using var server = await TestServer.StartAsync(with: options => options with { Store = schema.ConnectionString });
        Assert.Contains("only while one process serves", (await server.PostAsync(path, body)).Expect(409).Text, StringComparison.Ordinal);
        await first.DisposeAsync();
        await second.DisposeAsync();
        (await server.PostAsync(path, body)).Expect(status);
        (await server.GetAsync("/crm/v3/objects/tickets")).Expect(429);
        (first, second) = (await OpenAsync("first", serve: false), await OpenAsync("second", serve: false));
    }

    [Fact]
    public async Task A_process_that_does_not_listen_asks_each_time()
    {
        await using var deaf = await OpenAsync("deaf", serve: false);
        var (app, token) = await first.Apps.CreatePrivateAsync(portal.Id, "app", ScopeNames.All);
        Assert.NotNull(await deaf.FindTokenAsync(token, Cancellation));
        await first.ChangeAsync(portal.Id, new Dictionary<string, string> { ["search-lag"] = "250ms" });
        Assert.Equal(250, (await deaf.FindTokenAsync(token, Cancellation))!.Value.Caller.Settings.SearchLagMs);
        await first.Apps.DeleteAsync(portal.Id, app.Id);
        Assert.Null(await deaf.FindTokenAsync(token, Cancellation));
    }

    [Fact]
    public async Task A_process_whose_connections_are_cut_goes_on_and_knows_what_it_missed()
    {
        var (app, token) = await first.Apps.CreatePrivateAsync(portal.Id, "app", ScopeNames.All);
        for (var cuts = 0; cuts < 5; cuts++)
        {
            Assert.NotNull(await second.FindTokenAsync(token, Cancellation));
            await using var connection = new NpgsqlConnection(schema.ConnectionString + ";Pooling=false");
            await connection.OpenAsync(Cancellation);
            await using var cut = new NpgsqlCommand("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'second'", connection);
            Assert.True(await cut.ExecuteScalarAsync(Cancellation) is true);
            var now = $"{cuts + 1}ms";
            await first.ChangeAsync(portal.Id, new Dictionary<string, string> { ["search-lag"] = now });
            await UntilAsync(async () => (await second.FindTokenAsync(token, Cancellation))!.Value.Caller.Settings.SearchLagMs == cuts + 1);
        }

        await first.Apps.DeleteAsync(portal.Id, app.Id);
        await UntilAsync(async () => await second.FindTokenAsync(token, Cancellation) is null);
    }

    [Fact]
    public async Task Users_and_settings_changed_by_one_process_are_those_of_the_other()
    {
        var (_, token) = await first.Apps.CreatePrivateAsync(portal.Id, "app", ScopeNames.All);
        Assert.Equal(0, (await second.FindTokenAsync(token, Cancellation))!.Value.Caller.Settings.SearchLagMs);
        await first.ChangeAsync(portal.Id, new Dictionary<string, string> { ["search-lag"] = "250ms" });
        var user = (await first.Users.AddAsync(portal.Id, "ada@example.com", "Ada", "L"))!;
        await UntilAsync(async () => (await second.FindTokenAsync(token, Cancellation))!.Value.Caller.Settings.SearchLagMs == 250);
        await UntilAsync(async () => (await second.OwnersOfAsync(portal.Id, Cancellation)).All is [var owner] && owner.Id == user.Id);
    }

    [Fact]
    public async Task A_deleted_portal_is_gone_in_the_other_process_with_all_its_rows()
    {
        var (_, token) = await first.Apps.CreatePrivateAsync(portal.Id, "app", ScopeNames.All);
        var (_, store) = (await second.FindTokenAsync(token, Cancellation))!.Value;
        var (_, own) = (await first.FindTokenAsync(token, Cancellation))!.Value;
        Assert.NotEmpty(own.Schema.First.Properties);
        Assert.True(await first.DeleteAsync(portal.Id));
        await UntilAsync(async () => await second.FindTokenAsync(token, Cancellation) is null);
        await Assert.ThrowsAsync<Refusal>(async () => await second.OpenAsync(portal.Id, Cancellation));
        await Assert.ThrowsAsync<Refusal>(async () => await ((PostgresStore)store).CatchUpAsync());
        await using var database = await PostgresDatabase.OpenAsync(schema.ConnectionString, cancellation: Cancellation);
        foreach (var table in PostgresDatabase.PortalTables)
        {
            await using var count = database.Source.CreateCommand($"SELECT count(*) FROM {table}");
            Assert.Equal((table, 0L), (table, (long)(await count.ExecuteScalarAsync(Cancellation))!));
        }
    }

    [Fact]
    public async Task Processes_that_start_together_create_one_first_portal()
    {
        await first.DeleteAsync(portal.Id);
        var made = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => (i % 2 == 0 ? first : second).FindOrCreateFirstAsync("default").AsTask()));
        Assert.Equal(await first.ListAsync(Cancellation), [made[0]]);
        Assert.All(made, each => Assert.Equal(made[0], each));
    }

    [Fact]
    public async Task Databases_opened_at_the_same_time_are_upgraded_once()
    {
        await using var empty = await PostgresSchema.ChooseAsync();
        var opened = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => PostgresDatabase.OpenAsync(empty.ConnectionString, cancellation: Cancellation)));
        await using var count = opened[0].Source.CreateCommand("SELECT count(*) = max(number) FROM migration");
        Assert.True(await count.ExecuteScalarAsync(Cancellation) is true);
        foreach (var each in opened)
        {
            await each.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_type_that_one_process_creates_changes_and_archives_is_known_to_the_other()
    {
        const string schemas = "/crm-object-schemas/v3/schemas";
        await using var one = await TestServer.StartAsync(with: options => options with { Store = schema.ConnectionString });
        await using var two = await TestServer.StartAsync(with: options => options with { Store = schema.ConnectionString });
        for (var i = 1; i <= 10; i++)
        {
            var (here, there) = i % 2 == 0 ? (one, two) : (two, one);
            var (path, type) = ($"/crm/v3/objects/p_type{i}", $"{schemas}/2-{i}");
            (await here.PostAsync(schemas, $$"""{"name":"type{{i}}","labels":{"singular":"a","plural":"b"},"primaryDisplayProperty":"x","properties":[{"name":"x","label":"x","type":"string","fieldType":"text"}]}""")).Expect(201);
            var id = (await there.PostAsync(path, """{"properties":{"x":"1"}}""")).Expect(201)["id"];
            (await here.PatchAsync(type, """{"requiredProperties":["x"]}""")).Expect(200);
            (await there.PostAsync(path, "{\"properties\":{}}")).Expect(400);
            (await here.DeleteAsync(type)).Expect(400);
            (await here.DeleteAsync($"{path}/{id}")).Expect(204);
            (await there.DeleteAsync(type)).Expect(204);
            (await here.PostAsync(path, """{"properties":{"x":"1"}}""")).Expect(400);
        }

        // Both at once: each type has its own number.
        var made = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => (i % 2 == 0 ? one : two).PostAsync(schemas, $$"""{"name":"more{{i}}","labels":{"singular":"a","plural":"b"},"primaryDisplayProperty":"hs_object_id"}""")));
        Assert.Equal(Enumerable.Range(11, 10), made.Select(answer => int.Parse(answer.Expect(201)["id"]!)).Order());
        Assert.Equal((await one.GetAsync(schemas)).Text, (await two.GetAsync(schemas)).Text);
    }

    [Fact]
    public async Task A_label_that_one_process_creates_and_deletes_is_known_to_the_other()
    {
        const string Labels = "/crm/v4/associations/tickets/contacts/labels";
        await using var one = await TestServer.StartAsync(with: options => options with { Store = schema.ConnectionString });
        await using var two = await TestServer.StartAsync(with: options => options with { Store = schema.ConnectionString });
        var ticket = (await one.PostAsync("/crm/v3/objects/tickets", """{"properties":{"hs_pipeline_stage":"1"}}""")).Expect(201)["id"];
        var contact = (await one.PostAsync("/crm/v3/objects/contacts", "{\"properties\":{}}")).Expect(201)["id"];
        for (var i = 0; i < 10; i++)
        {
            var (here, there) = i % 2 == 0 ? (one, two) : (two, one);
            var id = (await here.PostAsync(Labels, """{"name":"boss","label":"Boss"}""")).Expect(200)["results[0].typeId"];
            Assert.Equal((2 * i + 1).ToString(), id);
            (await there.SendAsync(HttpMethod.Put, $"/crm/v4/objects/tickets/{ticket}/associations/contacts/{contact}", $$"""[{"associationCategory":"USER_DEFINED","associationTypeId":{{id}}}]""")).Expect(201);
            (await here.DeleteAsync($"{Labels}/{id}")).Expect(204);
            Assert.Equal(1, (await there.GetAsync($"/crm/v4/objects/tickets/{ticket}/associations/contacts")).Count("results[0].associationTypes"));
        }
    }

    [Fact]
    public async Task The_calls_of_a_day_are_those_of_all_processes()
    {
        var day = new DateOnly(2026, 3, 14);
        await Task.WhenAll(Enumerable.Range(0, 10).Select(i => (i % 2 == 0 ? first : second).Usage.AddAsync([new(portal.Id, day, 3)]).AsTask()));
        Assert.Equal([new DayUsage(portal.Id, day, 30)], await second.Usage.LoadAsync(Cancellation));
    }

    async Task<PostgresPortals> OpenAsync(string name, bool serve = true) =>
        await PostgresPortals.OpenAsync($"{schema.ConnectionString};Application Name={name}", null, Path.Combine(directory, name), StandardTypes.All, TimeProvider.System, NullLogger.Instance, serve);

    static async Task UntilAsync(Func<Task<bool>> holds)
    {
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!await holds())
        {
            Assert.False(enough.IsCancellationRequested, "too long");
            await Task.Delay(5, Cancellation);
        }
    }
}
