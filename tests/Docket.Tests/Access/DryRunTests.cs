using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Tests.OAuth;

namespace Docket.Tests.Access;

/// <summary>A request with <c>Docket-Dry-Run</c> changes nothing, whatever route it goes to.</summary>
public sealed class DryRunTests
{
    const string Refused = "Docket-Dry-Run is not supported here. The request was not executed";

    [Fact]
    public async Task Every_route_that_writes_does_a_dry_run_or_refuses_the_header()
    {
        await using var server = await TestServer.StartAsync();
        var owned = await PortalWallTests.FillAsync(server);
        var (before, rows) = (await PortalWallTests.EverythingAsync(server), await PortalWallTests.RowsAsync(server, 0));
        using var careful = server.NewClient(TestServer.Token);
        careful.DefaultRequestHeaders.Add("Docket-Dry-Run", "true");
        foreach (var endpoint in server.Endpoints.Where(endpoint => PortalWallTests.MethodOf(endpoint) != "GET"))
        {
            var takes = endpoint.Metadata.GetMetadata<TakesFeatures>()?.Features.HasFlag(OptionalFeatures.DryRun) == true;
            var reads = endpoint.Metadata.GetMetadata<NeedsScope>()?.OnlyReads == true;
            foreach (var (target, body) in PortalWallTests.AttemptsOn(endpoint, owned))
            {
                var (answer, _) = await PortalWallTests.SendAsync(careful, PortalWallTests.MethodOf(endpoint), target, body);
                var story = $"{PortalWallTests.MethodOf(endpoint)} {target} {body}\n{answer.Status} {answer.Text}";
                Assert.True(takes || reads || (answer.Status, answer["message"]) == (400, Refused), story);
                Assert.True(!takes || answer["message"] != Refused, story);
                Assert.True(!takes || answer.Status >= 400 || string.Join(',', answer.Headers.GetValues("Docket-Applied")).Contains("dry-run", StringComparison.Ordinal), story);
            }
        }

        Assert.Equal(before, await PortalWallTests.EverythingAsync(server));
        Assert.Equal(rows, await PortalWallTests.RowsAsync(server, 0));
    }

    [Theory]
    [InlineData("Docket-Dry-Run")]
    [InlineData("Docket-DryRun")] // a misspelt one must not write either
    public async Task What_let_an_app_in_stays(string header)
    {
        await using var docket = await OAuthDocket.StartAsync();
        var tokens = await docket.TokensAsync();
        using var http = docket.Server.NewClient(tokens["access_token"]!);
        http.DefaultRequestHeaders.Add(header, "true");
        string[] deletes = [$"/oauth/v1/refresh-tokens/{tokens["refresh_token"]}", .. ((string[])["v3", "2026-03", "2026-09"]).Select(version => $"/appinstalls/{version}/external-install")];
        foreach (var path in deletes)
        {
            (await PortalWallTests.SendAsync(http, "DELETE", path)).Answer.Expect(400);
        }

        foreach (var path in (string[])["token", "token/revoke", "token/introspect"])
        {
            var form = $"grant_type=refresh_token&client_id={docket.ClientId}&client_secret={docket.ClientSecret}&refresh_token={tokens["refresh_token"]}&token={tokens["refresh_token"]}";
            (await PortalWallTests.SendAsync(http, "POST", $"/oauth/v3/{path}", form)).Answer.Expect(400);
        }

        (await docket.RefreshAsync(tokens["refresh_token"]!)).Expect(200);
        (await docket.CallAsync(HttpMethod.Get, "/crm/v3/objects/tickets", tokens["access_token"])).Expect(200);
    }

    [Fact]
    public async Task A_portal_that_lets_apps_in_without_asking_does_not_do_so_for_a_dry_run()
    {
        await using var docket = await OAuthDocket.StartAsync();
        (await docket.Server.PatchAsync("/docket/v1/settings", """{"oauth-auto-approve":"on"}""")).Expect(200);
        using var http = docket.Server.NewClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        Assert.Contains("code=", (await PortalWallTests.SendAsync(http, "GET", docket.Authorize)).Answer.Expect(302).Headers.Location!.OriginalString, StringComparison.Ordinal);
        http.DefaultRequestHeaders.Add("Docket-Dry-Run", "true");
        Assert.Equal(Refused, (await PortalWallTests.SendAsync(http, "GET", docket.Authorize)).Answer.Expect(400)["message"]);
    }
}
