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

    static async Task ExpectAsync(int status, Task<HttpResponseMessage> call)
    {
        using var answer = await call;
        Assert.True(status == (int)answer.StatusCode, $"{answer.StatusCode}: {await answer.Content.ReadAsStringAsync(Cancellation)}");
    }
}
