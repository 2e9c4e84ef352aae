using System.Net;
using Docket.Tests.Access;
using Microsoft.AspNetCore.Routing;

namespace Docket.Tests.Http;

/// <summary>HEAD and OPTIONS, which health checks, proxies and browsers send.</summary>
public sealed class MethodTests
{
    const string Tickets = "/crm/v3/objects/tickets";

    /// <summary>Headers that say how a body is sent, or that are other ones with each answer.</summary>
    static readonly HashSet<string> Own = new(["Transfer-Encoding", "X-HubSpot-Correlation-Id", "X-Request-Id", "Set-Cookie", "Date"], StringComparer.OrdinalIgnoreCase);

    [Fact]
    public async Task HEAD_answers_on_every_GET_route_as_GET_does_but_for_the_body()
    {
        await using var server = await TestServer.StartAsync();
        var owned = await PortalWallTests.FillAsync(server);
        using var unscoped = server.NewClient(await server.CreateTokenAsync());
        using var stranger = server.NewClient();
        var statuses = new HashSet<int>();
        foreach (var endpoint in server.Endpoints.Where(endpoint => PortalWallTests.MethodOf(endpoint) == "GET"))
        {
            foreach (var (target, _) in PortalWallTests.AttemptsOn(endpoint, owned))
            {
                foreach (var client in (HttpClient[])[server.Http, unscoped, stranger])
                {
                    var (status, headers, _) = await SendAsync(client, HttpMethod.Get, target);
                    var (headStatus, headHeaders, body) = await SendAsync(client, HttpMethod.Head, target);
                    Assert.Equal($"{target} {status}\n{headers}", $"{target} {headStatus}\n{headHeaders}");
                    Assert.Equal("", body);
                    statuses.Add(status);
                }
            }
        }

        Assert.Superset(new HashSet<int> { 200, 400, 401, 403, 404 }, statuses);
    }

    [Theory]
    [InlineData("/healthz", 200)]
    [InlineData(Tickets, 401)]
    [InlineData("/nowhere", 404)]
    [InlineData(Tickets + "/batch/upsert", 405)]
    [InlineData("/oauth/authorize", 400)]
    public async Task The_answer_to_HEAD_ends_with_its_headers(string path, int status)
    {
        await using var server = await TestServer.StartAsync();
        var answer = await server.SendRawAsync($"HEAD {path} HTTP/1.1\r\nHost: docket\r\nConnection: close\r\n\r\n");
        Assert.Equal((status, ""), (answer.Status, answer.Body));
    }

    [Fact]
    public async Task HEAD_of_an_event_stream_ends_at_once()
    {
        await using var server = await TestServer.StartAsync();
        var (status, headers, body) = await server.SendRawAsync($"HEAD /docket/v1/changes HTTP/1.1\r\nHost: docket\r\nAuthorization: Bearer {TestServer.Token}\r\nAccept: text/event-stream\r\nConnection: close\r\n\r\n");
        Assert.Equal((200, ""), (status, body));
        Assert.Contains("Content-Type: text/event-stream", headers, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OPTIONS_names_the_methods_of_every_path_and_needs_no_token()
    {
        await using var server = await TestServer.StartAsync();
        var owned = await PortalWallTests.FillAsync(server);
        using var stranger = server.NewClient();
        foreach (var path in server.Endpoints.GroupBy(endpoint => "/" + endpoint.RoutePattern.RawText!.Trim('/')))
        {
            var target = PortalWallTests.AttemptsOn(path.First(), owned).First().Target.Split('?')[0];
            using var request = new HttpRequestMessage(HttpMethod.Options, target);
            using var response = await stranger.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
            var methods = path.SelectMany(endpoint => endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods).Append("OPTIONS").ToHashSet();
            Assert.Superset(methods, response.Content.Headers.Allow.ToHashSet()); // more where "batch" could also be the id of a record
            Assert.Equal("", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        }

        using var nowhere = await stranger.SendAsync(new HttpRequestMessage(HttpMethod.Options, "/nowhere"), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NotFound, nowhere.StatusCode);
    }

    static async Task<(int Status, string Headers, string Body)> SendAsync(HttpClient client, HttpMethod method, string target)
    {
        using var request = new HttpRequestMessage(method, target);
        using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        var headers = response.Headers.Concat(response.Content.Headers)
            .Where(header => !Own.Contains(header.Key))
            .Select(header => $"{header.Key}: {string.Join(", ", header.Value)}").Order(StringComparer.Ordinal);
        return ((int)response.StatusCode, string.Join('\n', headers), await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
