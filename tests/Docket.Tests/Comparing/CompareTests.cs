using System.Diagnostics;

namespace Docket.Tests.Comparing;

/// <summary><c>docket compare</c> and <c>docket proxy</c>, with a Docket in HubSpot's place.</summary>
[Trait("Category", "Slow")] // starts processes
public sealed class CompareTests : IAsyncDisposable
{
    const string Tickets = "/crm/v3/objects/tickets";

    const string Story =
        """
        POST {{docket}}/crm/v3/properties/tickets
        Authorization: Bearer {{token}}
        {"name":"ext_id","label":"x","type":"string","fieldType":"text","groupName":"ticketinformation","hasUniqueValue":true}

        POST {{docket}}/crm/v3/objects/tickets/batch/upsert
        Authorization: Bearer {{token}}
        {"inputs":[{"id":"A-1","idProperty":"ext_id","properties":{"subject":"one","hs_pipeline_stage":"1"}},{"id":"A-2","idProperty":"ext_id","properties":{"subject":"two","hs_pipeline_stage":"2"}}]}
        HTTP 200
        [Captures]
        first: jsonpath "$.results[0].id"

        POST {{docket}}/crm/v3/objects/contacts
        Authorization: Bearer {{token}}
        {"properties":{"email":"ann@example.com"},"associations":[{"to":{"id":"{{first}}"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":15}]}]}
        HTTP 201
        [Captures]
        contact: jsonpath "$.id"

        PATCH {{docket}}/crm/v3/objects/tickets/{{first}}
        Authorization: Bearer {{token}}
        {"properties":{"subject":"three"}}

        POST {{docket}}/crm/v3/objects/tickets/search
        Authorization: Bearer {{token}}
        {"filterGroups":[{"filters":[{"propertyName":"subject","operator":"EQ","value":"three"}]}]}

        GET {{docket}}/crm/v3/objects/tickets/{{first}}?properties=nope&associations=contacts
        Authorization: Bearer {{token}}

        GET {{docket}}/crm/v3/objects/tickets/999
        Authorization: Bearer {{token}}

        GET {{docket}}/docket/v1/settings
        Authorization: Bearer {{token}}

        """;

    readonly string directory = Directory.CreateTempSubdirectory("docket-compare-test-").FullName;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    string File => Path.Combine(directory, "story.hurl");

    [Fact]
    public async Task Two_accounts_with_other_ids_and_a_lagging_search_give_the_same_answers_and_nothing_stays()
    {
        await using var account = await AccountAsync();
        (await account.PatchAsync("/docket/v1/settings", """{"search-lag":"1s"}""")).Expect(200);
        var (exit, output, errors) = await CompareAsync(account, Story);
        Assert.True((exit, errors) == (0, ""), $"{exit}: {output}{errors}");
        Assert.Contains("story.hurl:33: GET /docket/v1/settings\n  not sent: HubSpot doesn't have this path", output, StringComparison.Ordinal);
        Assert.Contains("Deleted from", output, StringComparison.Ordinal);
        Assert.EndsWith("7 the same, 0 different, 1 not sent.\n", output, StringComparison.Ordinal);
        await AssertUntouchedAsync(account);
    }

    [Fact]
    public async Task Differences_are_shown_with_their_paths_and_both_values()
    {
        await using var account = await AccountAsync();
        (await account.PatchAsync("/docket/v1/settings", """{"lifecycle-default":"off"}""")).Expect(200);
        var (exit, output, errors) = await CompareAsync(account, Story);
        Assert.True((exit, errors) == (2, ""), $"{exit}: {output}{errors}");
        Assert.Contains("POST /crm/v3/objects/contacts\n", output, StringComparison.Ordinal);
        Assert.Contains("  $.properties.lifecyclestage\n    HubSpot: (absent)\n    Docket:  \"lead\"\n", output, StringComparison.Ordinal);
        Assert.EndsWith("6 the same, 1 different, 1 not sent.\n", output, StringComparison.Ordinal);
        await AssertUntouchedAsync(account);
    }

    [Fact]
    public async Task What_the_run_has_not_created_is_not_changed()
    {
        await using var account = await AccountAsync();
        var id = (await account.GetAsync(Tickets))["results[0].id"];
        var (exit, output, errors) = await CompareAsync(account,
            $$$"""
            PATCH {{docket}}{{{Tickets}}}/{{{id}}}
            Authorization: Bearer {{token}}
            {"properties":{"subject":"changed"}}

            POST {{docket}}{{{Tickets}}}/batch/upsert
            Authorization: Bearer {{token}}
            {"inputs":[{"id":"old","idProperty":"hs_external_object_ids","properties":{"subject":"changed"}}]}

            DELETE {{docket}}{{{Tickets}}}/{{{id}}}
            Authorization: Bearer {{token}}

            """);
        Assert.True((exit, errors) == (0, ""), $"{exit}: {output}{errors}");
        Assert.EndsWith("0 the same, 0 different, 3 not sent.\n", output, StringComparison.Ordinal);
        await AssertUntouchedAsync(account);
    }

    [Fact]
    public async Task An_interrupted_run_deletes_what_it_has_created()
    {
        await using var account = await AccountAsync();
        await System.IO.File.WriteAllTextAsync(File, Story, Cancellation);
        using var compare = ServerProcess.Start("compare", File, "--with-token", TestServer.Token, "--url", account.Url, "--yes", "--all", "--per-second", "1");
        while (await compare.StandardOutput.ReadLineAsync(Cancellation) is { } line && !line.Contains("POST /crm/v3/objects/contacts", StringComparison.Ordinal))
        {
        }

        using (var kill = Process.Start("kill", ["-INT", compare.Id.ToString()]))
        {
            await kill.WaitForExitAsync(Cancellation);
        }

        var output = await compare.StandardOutput.ReadToEndAsync(Cancellation);
        await compare.WaitForExitAsync(Cancellation);
        Assert.Equal(1, compare.ExitCode);
        Assert.Contains("Deleted from", output, StringComparison.Ordinal);
        await AssertUntouchedAsync(account);
    }

    [Fact]
    public async Task Nothing_is_sent_without_a_confirmation_or_a_token()
    {
        await using var account = await AccountAsync();
        await System.IO.File.WriteAllTextAsync(File, Story, Cancellation);
        var (exit, _, errors) = await ServerProcess.RunAsync(["compare", File, "--with-token", TestServer.Token, "--url", account.Url]);
        Assert.Equal(1, exit);
        Assert.Contains($"sends 7 requests to {account.Url}, at most 9 a second, 4 of them writes.", errors, StringComparison.Ordinal);
        Assert.Equal((1, "", "docket: A token of the account is needed: --with-token, or HUBSPOT_ACCESS_TOKEN.\n"), await ServerProcess.RunAsync(["compare", File, "--url", account.Url, "--yes"]));
        await AssertUntouchedAsync(account);
    }

    [Fact]
    public async Task A_program_is_recorded_by_the_proxy_and_the_recording_compared_with_another_account()
    {
        await using var account = await AccountAsync();
        var file = Path.Combine(directory, "recorded.hurl");
        using (var proxy = ServerProcess.Start("proxy", file, "--url", account.Url, "--urls", "http://127.0.0.1:0"))
        {
            var address = (await proxy.StandardOutput.ReadLineAsync(Cancellation))!.Split(' ')[1];
            using var http = new HttpClient { BaseAddress = new Uri(address) };
            http.DefaultRequestHeaders.Authorization = new("Bearer", TestServer.Token);
            var contact = await SendAsync(HttpMethod.Post, "/crm/v3/objects/contacts", """{"properties":{"email":"ann@acme.com","firstname":"Ann","phone":"+49 30 1234567"}}""");
            var ticket = await SendAsync(HttpMethod.Post, Tickets, """{"properties":{"subject":"Ann called","hs_pipeline_stage":"1"}}""");
            await SendAsync(HttpMethod.Put, $"/crm/v4/objects/tickets/{ticket["id"]}/associations/default/contacts/{contact["id"]}", null);
            Assert.Equal("Ann", (await SendAsync(HttpMethod.Get, $"/crm/v3/objects/contacts/ann%40acme.com?idProperty=email", null))["properties.firstname"]);
            Assert.Equal(404, (await SendAsync(HttpMethod.Get, $"{Tickets}/1", null)).Status);
            using (var kill = Process.Start("kill", ["-TERM", proxy.Id.ToString()]))
            {
                await proxy.WaitForExitAsync(Cancellation);
            }

            Assert.Equal(0, proxy.ExitCode);

            async Task<Answer> SendAsync(HttpMethod method, string path, string? json)
            {
                using var request = new HttpRequestMessage(method, path) { Content = json is null ? null : new StringContent(json, System.Text.Encoding.UTF8, "application/json") };
                using var response = await http.SendAsync(request, Cancellation);
                return await Answer.OfAsync(response);
            }
        }

        var recorded = await System.IO.File.ReadAllTextAsync(file, Cancellation);
        Assert.All([TestServer.Token, "Ann", "acme", "1234567", account.Url], value => Assert.DoesNotContain(value, recorded, StringComparison.Ordinal));
        await using var other = await AccountAsync();
        var (exit, output, errors) = await CompareAsync(other, recorded);
        Assert.True((exit, errors) == (0, ""), $"{exit}: {output}{errors}\n{recorded}");
        Assert.EndsWith("5 the same, 0 different, 0 not sent.\n", output, StringComparison.Ordinal);
        await AssertUntouchedAsync(other);
    }

    [Fact]
    public async Task The_proxy_overwrites_no_file()
    {
        await System.IO.File.WriteAllTextAsync(File, "kept", Cancellation);
        var (exit, _, errors) = await ServerProcess.RunAsync(["proxy", File]);
        Assert.Equal(1, exit);
        Assert.Contains("already exists", errors, StringComparison.Ordinal);
        Assert.Equal("kept", await System.IO.File.ReadAllTextAsync(File, Cancellation));
    }

    // With other ids than an empty one, and a ticket that must stay as it is.
    static async Task<TestServer> AccountAsync()
    {
        var account = await TestServer.StartAsync(with: options => options with { Clock = TimeProvider.System });
        (await account.PostAsync($"{Tickets}/batch/upsert", """{"inputs":[{"id":"old","idProperty":"hs_external_object_ids","properties":{"subject":"old","hs_pipeline_stage":"1"}}]}""")).Expect(200);
        return account;
    }

    async Task<(int Exit, string Output, string Errors)> CompareAsync(TestServer account, string conversation)
    {
        await System.IO.File.WriteAllTextAsync(File, conversation, Cancellation);
        return await ServerProcess.RunAsync(["compare", File, "--with-token", TestServer.Token, "--url", account.Url, "--yes", "--per-second", "1000"]);
    }

    static async Task AssertUntouchedAsync(TestServer account)
    {
        var tickets = await account.GetAsync(Tickets);
        Assert.Equal((1, "old"), (tickets.Count("results"), tickets["results[0].properties.subject"]));
        Assert.Equal(0, (await account.GetAsync("/crm/v3/objects/contacts")).Count("results"));
        Assert.Equal(404, (await account.GetAsync("/crm/v3/properties/tickets/ext_id")).Status);
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(directory, recursive: true);
        return ValueTask.CompletedTask;
    }
}
