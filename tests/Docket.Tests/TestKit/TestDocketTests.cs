using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Docket.Testing;

namespace Docket.Tests.TestKit;

/// <summary>The library with which .NET tests have a portal each.</summary>
public sealed class TestDocketTests
{
    const string Tickets = "/crm/v3/objects/tickets", Ticket = """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""";

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Tests_at_the_same_time_see_only_their_own_records_and_properties()
    {
        await Task.WhenAll(Enumerable.Range(1, 20).Select(async n =>
        {
            await using var docket = await TestDocket.StartAsync(cancellation: Cancellation);
            await ExpectAsync(201, docket.HttpClient.PostAsJsonAsync("/crm/v3/properties/tickets", new { name = "key", label = $"{n}", groupName = "ticketinformation", type = "string", fieldType = "text", hasUniqueValue = true }, Cancellation));
            for (var i = 0; i < n; i++)
            {
                await ExpectAsync(201, docket.HttpClient.PostAsJsonAsync(Tickets, new { properties = new { key = $"{i}", hs_pipeline_stage = "1" } }, Cancellation));
            }

            Assert.Equal(n, (await docket.HttpClient.GetFromJsonAsync<JsonObject>(Tickets + "?limit=100", Cancellation))!["results"]!.AsArray().Count);
            Assert.Equal($"{n}", (string?)(await docket.HttpClient.GetFromJsonAsync<JsonObject>("/crm/v3/properties/tickets/key", Cancellation))!["label"]);
        }));
    }

    [Fact]
    public async Task The_handler_takes_requests_for_HubSpot_to_the_portal()
    {
        await using var docket = await TestDocket.StartAsync(cancellation: Cancellation);
        using var client = new HttpClient(docket.Handler) { BaseAddress = new("https://api.hubapi.com") };
        await ExpectAsync(401, client.GetAsync(Tickets, Cancellation));
        client.DefaultRequestHeaders.Authorization = new("Bearer", docket.Token);
        await ExpectAsync(201, client.PostAsync(Tickets, new StringContent(Ticket, new MediaTypeHeaderValue("application/json")), Cancellation));
        await ExpectAsync(200, docket.HttpClient.GetAsync(Tickets, Cancellation));
        Assert.Single((await docket.HttpClient.GetFromJsonAsync<JsonObject>(Tickets, Cancellation))!["results"]!.AsArray());
    }

    [Fact]
    public async Task A_client_that_ends_closes_no_connection_of_another_one()
    {
        await using var docket = await TestDocket.StartAsync(cancellation: Cancellation);
        new HttpClient(docket.Handler).Dispose();
        using var client = new HttpClient(docket.Handler, disposeHandler: false) { BaseAddress = docket.Url };
        await ExpectAsync(401, client.GetAsync(Tickets, Cancellation));
    }

    [Fact]
    public async Task A_program_that_does_not_await_can_call_it()
    {
        await using var docket = await TestDocket.StartAsync(cancellation: Cancellation);
        using var request = new HttpRequestMessage(HttpMethod.Get, Tickets);
        using var answer = docket.HttpClient.Send(request, Cancellation);
        Assert.Equal(200, (int)answer.StatusCode);
    }

    [Fact]
    public async Task With_a_port_other_processes_reach_it_and_without_one_its_address_is_no_hosts()
    {
        await using var docket = await TestDocket.StartAsync(new() { WithPort = true }, Cancellation);
        using var other = new HttpClient { BaseAddress = docket.Url, DefaultRequestHeaders = { Authorization = new("Bearer", docket.Token) } };
        await ExpectAsync(201, other.PostAsync(Tickets, new StringContent(Ticket, new MediaTypeHeaderValue("application/json")), Cancellation));
        Assert.Single((await docket.HttpClient.GetFromJsonAsync<JsonObject>(Tickets, Cancellation))!["results"]!.AsArray());
        await using var portless = await TestDocket.StartAsync(cancellation: Cancellation);
        Assert.Equal("http://docket.test/", portless.Url.ToString());
    }

    [Fact]
    public async Task The_portal_ends_with_the_test()
    {
        await using var other = await TestDocket.StartAsync(new() { Name = "other" }, Cancellation);
        var docket = await TestDocket.StartAsync(new() { Name = "one" }, Cancellation);
        Assert.Contains("\"one\"", await other.HttpClient.GetStringAsync("/docket/v1/portals", Cancellation), StringComparison.Ordinal);
        await docket.DisposeAsync();
        Assert.DoesNotContain($"{docket.PortalId}", await other.HttpClient.GetStringAsync("/docket/v1/portals", Cancellation), StringComparison.Ordinal);
        using var client = new HttpClient(docket.Handler) { BaseAddress = docket.Url, DefaultRequestHeaders = { Authorization = new("Bearer", docket.Token) } };
        await ExpectAsync(401, client.GetAsync(Tickets, Cancellation));
    }

    [Fact]
    public async Task A_token_of_ones_choice_is_the_portals_and_refused_if_another_test_has_it()
    {
        var token = $"mine-{nameof(TestDocketTests)}";
        await using var docket = await TestDocket.StartAsync(new() { Token = token }, Cancellation);
        Assert.Equal(token, docket.Token);
        await ExpectAsync(200, docket.HttpClient.GetAsync(Tickets, Cancellation));
        var refused = await Assert.ThrowsAsync<TestDocketException>(() => TestDocket.StartAsync(new() { Token = token }, Cancellation));
        Assert.Equal("Another app has this token.", refused.Message);
    }

    [Fact]
    public async Task The_time_of_the_portal_is_set_moved_frozen_and_reset_and_no_others()
    {
        await using var docket = await TestDocket.StartAsync(cancellation: Cancellation);
        await using var other = await TestDocket.StartAsync(cancellation: Cancellation);
        var start = new DateTimeOffset(2030, 1, 1, 1, 0, 0, TimeSpan.FromHours(1));
        await docket.Clock.SetAsync(start, frozen: true, Cancellation);
        await docket.Clock.AdvanceAsync(TimeSpan.FromSeconds(1.5), Cancellation);
        Assert.Equal(start.AddSeconds(1.5), await docket.Clock.ReadAsync(Cancellation));
        Assert.True(await other.Clock.ReadAsync(Cancellation) < start);
        await docket.Clock.FreezeAsync(frozen: false, Cancellation);
        await docket.Clock.ResetAsync(Cancellation);
        Assert.True(await docket.Clock.ReadAsync(Cancellation) < start);

        await docket.Clock.SetAsync(start, cancellation: Cancellation);
        await ExpectAsync(201, docket.HttpClient.PostAsync(Tickets, new StringContent(Ticket, new MediaTypeHeaderValue("application/json")), Cancellation));
        var refused = await Assert.ThrowsAsync<TestDocketException>(() => docket.Clock.ResetAsync(Cancellation));
        Assert.Contains("2030-01-01T00:00:00", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Faults_are_the_portals_own_and_count_the_calls_that_met_them()
    {
        await using var docket = await TestDocket.StartAsync(cancellation: Cancellation);
        await using var other = await TestDocket.StartAsync(cancellation: Cancellation);
        var added = await docket.Faults.AddAsync(new() { Method = "GET", ObjectType = "tickets" }, new() { Status = 502 }, times: 2, duration: TimeSpan.FromMinutes(1), Cancellation);
        Assert.Equal((0, true), (added.Fired, added.Active));
        await ExpectAsync(200, docket.HttpClient.GetAsync("/crm/v3/objects/contacts", Cancellation));
        await ExpectAsync(502, docket.HttpClient.GetAsync(Tickets, Cancellation));
        await ExpectAsync(502, docket.HttpClient.GetAsync(Tickets, Cancellation));
        await ExpectAsync(200, docket.HttpClient.GetAsync(Tickets, Cancellation));
        await ExpectAsync(200, other.HttpClient.GetAsync(Tickets, Cancellation));
        Assert.Equal((added.Id, 2, false), Assert.Single(await docket.Faults.ListAsync(Cancellation)) is var ended ? (ended.Id, ended.Fired, ended.Active) : default);
        Assert.Empty(await other.Faults.ListAsync(Cancellation));

        Assert.All(await docket.Faults.AddPresetAsync("hubspot-bad-day", seed: 1, Cancellation), fault => Assert.Equal("hubspot-bad-day", fault.Preset));
        await docket.Faults.ClearAsync(Cancellation);
        Assert.Empty(await docket.Faults.ListAsync(Cancellation));
        var refused = await Assert.ThrowsAsync<TestDocketException>(() => docket.Faults.AddPresetAsync("worst-day", cancellation: Cancellation));
        Assert.StartsWith("There is no preset worst-day.", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cut_connection_is_an_exception_for_the_program_and_the_write_is_there()
    {
        await using var docket = await TestDocket.StartAsync(cancellation: Cancellation);
        await docket.Faults.AddAsync(new() { Method = "POST" }, new() { Cut = "after" }, times: 1, cancellation: Cancellation);
        await Assert.ThrowsAsync<HttpRequestException>(() => docket.HttpClient.PostAsync(Tickets, new StringContent(Ticket, new MediaTypeHeaderValue("application/json")), Cancellation));
        Assert.Single((await docket.HttpClient.GetFromJsonAsync<JsonObject>(Tickets, Cancellation))!["results"]!.AsArray());
    }

    [Fact]
    public async Task The_log_has_the_portals_calls_and_a_difference_is_readable()
    {
        await using var docket = await TestDocket.StartAsync(cancellation: Cancellation);
        await using var other = await TestDocket.StartAsync(cancellation: Cancellation);
        await ExpectAsync(201, docket.HttpClient.PostAsync(Tickets, new StringContent(Ticket, new MediaTypeHeaderValue("application/json")), Cancellation));
        var logged = Assert.Single(await docket.Requests.ExpectAsync(new() { Method = "POST", Path = "/crm/**", Status = 201, Body = new Dictionary<string, string> { ["properties.subject"] = "a" } }, times: 1, Cancellation));
        Assert.Equal(("POST", Tickets, 201, Ticket), (logged.Method, logged.Path, logged.Status, logged.Body));
        Assert.Equal(logged.Number, Assert.Single(await docket.Requests.ListAsync(Cancellation)).Number);
        Assert.Empty(await other.Requests.ListAsync(Cancellation));

        var different = await Assert.ThrowsAsync<TestDocketException>(() => docket.Requests.ExpectAsync(new() { Method = "PATCH" }, cancellation: Cancellation));
        Assert.Equal($"Expected at least 1 call that matches {{\"method\":\"PATCH\"}}, found 0 among the 1 in the log.\n  #1 POST {Tickets} 201: the method is POST", different.Message);
        await docket.Requests.ClearAsync(Cancellation);
        Assert.Empty(await docket.Requests.ListAsync(Cancellation));
    }

    [Fact]
    public async Task A_portal_goes_back_to_a_snapshot_and_another_begins_with_it()
    {
        await using var docket = await TestDocket.StartAsync(new() { Seed = """{"records":{"tickets":[{"properties":{"subject":"one","hs_pipeline_stage":"1"}}]}}""" }, Cancellation);
        var ids = await docket.SeedAsync("""{"records":{"tickets":[{"name":"two","properties":{"subject":"two","hs_pipeline_stage":"1"}}]}}""", Cancellation);
        Assert.Equal(["two"], ids.Keys);
        var snapshot = await docket.TakeSnapshotAsync("two tickets", Cancellation);
        await ExpectAsync(204, docket.HttpClient.DeleteAsync($"{Tickets}/{ids["two"]}", Cancellation));
        Assert.Equal(1, await CountAsync(docket));
        await docket.RewindAsync(snapshot, Cancellation);
        Assert.Equal(2, await CountAsync(docket));
        await using var other = await TestDocket.StartAsync(new() { Snapshot = snapshot }, Cancellation);
        Assert.Equal(2, await CountAsync(other));
        await docket.RewindAsync(cancellation: Cancellation);
        Assert.Equal(1, await CountAsync(docket));

        var refused = await Assert.ThrowsAsync<TestDocketException>(() => docket.SeedAsync("""{"records":{"tickets":[{"properties":{"subjct":"a","hs_pipeline_stage":"1"}}]}}""", Cancellation));
        Assert.Contains("records.tickets[0]", refused.Message, StringComparison.Ordinal);
    }

    static async Task<int> CountAsync(TestDocket docket) => (await docket.HttpClient.GetFromJsonAsync<JsonObject>(Tickets, Cancellation))!["results"]!.AsArray().Count;

    static async Task ExpectAsync(int status, Task<HttpResponseMessage> call)
    {
        using var answer = await call;
        Assert.True(status == (int)answer.StatusCode, $"{answer.StatusCode}: {await answer.Content.ReadAsStringAsync(Cancellation)}");
    }
}
