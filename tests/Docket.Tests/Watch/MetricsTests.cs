using System.Text.RegularExpressions;
using Docket.Model;

namespace Docket.Tests.Watch;

/// <summary>The numbers of a running server, as Prometheus fetches them.</summary>
public sealed partial class MetricsTests : IDisposable
{
    const string Tickets = "/crm/v3/objects/tickets";

    readonly string directory = Directory.CreateTempSubdirectory("docket-metrics-").FullName;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Category", "Slow")]
    public async Task What_a_server_does_is_counted_without_anything_of_the_requests()
    {
        await using var server = await ServerProcess.ServeAsync(directory, ["--metrics", "http://127.0.0.1:0"]);
        var metricsUrl = (await server.WaitForAsync(@"Metrics on (http://127\.0\.0\.1:\d+/metrics)")).Groups[1].Value;
        (await UpsertAsync(server, """{"idProperty":"hs_external_object_ids","id":"K1","properties":{"subject":"SECRET","hs_pipeline_stage":"1"}}""",
            """{"idProperty":"hs_external_object_ids","id":"K2","properties":{"subject":"SECRET","hs_pipeline_stage":"1"}}""")).Expect(200);
        (await UpsertAsync(server, """{"idProperty":"hs_external_object_ids","id":"K1","properties":{"subject":"SECRET","hs_pipeline_stage":"1"}}""",
            """{"idProperty":"hs_external_object_ids","id":"K2","properties":{"subject":"changed","hs_pipeline_stage":"1"}}""")).Expect(200);
        (await UpsertAsync(server, """{"idProperty":"hs_external_object_ids","id":"K3","objectWriteTraceId":"a","properties":{"subject":"SECRET","hs_pipeline_stage":"1"}}""",
            """{"idProperty":"hs_external_object_ids","id":"K4","objectWriteTraceId":"b","properties":{"hs_pipeline_stage":"SECRET"}}""")).Expect(207);
        (await server.SendAsync(HttpMethod.Get, Tickets + "/SECRET?idProperty=hs_external_object_ids", "")).Expect(404);
        (await server.SendAsync(HttpMethod.Get, "/SECRET", "")).Expect(404);
        (await server.SendAsync(HttpMethod.Post, "/docket/v1/apps/0/refusals", """{"policyName":"DAILY","calls":1}""")).Expect(204);
        (await server.SendAsync(HttpMethod.Get, Tickets, "")).Expect(429);

        using var http = new HttpClient();
        var metrics = await http.GetStringAsync(metricsUrl, Cancellation);
        Assert.Equal("3", Value(metrics, "docket_ticket_writes_total", "effect=\"created\""));
        Assert.Equal("1", Value(metrics, "docket_ticket_writes_total", "effect=\"updated\""));
        Assert.Equal("1", Value(metrics, "docket_ticket_writes_total", "effect=\"unchanged\""));
        Assert.Equal(("3", "6"), (Value(metrics, "docket_write_inputs_count", "kind=\"upsert\""), Value(metrics, "docket_write_inputs_sum", "kind=\"upsert\"")));
        Assert.Equal("2", Value(metrics, "http_server_request_duration_seconds_count", "http_request_method=\"POST\",http_response_status_code=\"200\",http_route=\"/crm/v3/objects/{objectType}/batch/upsert\""));
        Assert.Equal("1", Value(metrics, "http_server_request_duration_seconds_count", "http_response_status_code=\"207\""));
        Assert.Equal("1", Value(metrics, "docket_limit_hits_total", "policy=\"DAILY\""));
        Assert.True(int.Parse(Value(metrics, "docket_commit_duration_seconds_count", "")) >= 3);
        Assert.Equal("0", Value(metrics, "docket_writes_waiting", ""));
        Assert.Equal("0", Value(metrics, "docket_jobs_running", ""));
        Assert.Matches(@"(?m)^docket_index_behind_changes\{.*\} \d+$", metrics);

        while (!metrics.Contains("docket_records{", StringComparison.Ordinal) || !metrics.Contains("file=\"data\"", StringComparison.Ordinal)) // on PostgreSQL, the first look only begins to read them
        {
            await Task.Delay(20, Cancellation);
            metrics = await http.GetStringAsync(metricsUrl, Cancellation);
        }

        Assert.Equal("3", Value(metrics, "docket_records", "portal=\"24000001\",type=\"tickets\""));
        string[] sizes = TestEngine.IsPostgres
            ? ["file=\"data\"", "file=\"index\",portal=\"24000001\""]
            : ["file=\"data\",portal=\"24000001\"", "file=\"log\",portal=\"24000001\"", "file=\"index\",portal=\"24000001\"", "file=\"registry\""];
        Assert.All(sizes, size => Assert.True(long.Parse(Value(metrics, "docket_file_size_bytes", size)) > 0));
        Assert.True(long.Parse(Value(metrics, "docket_disk_free_bytes", "")) > 0);

        Assert.DoesNotMatch(@"http_route=""[^""]+/""", metrics);

        // Labels are of a known set, and nothing in them is of a request or a ticket.
        string[] known = ["otel_scope_name", "effect", "kind", "policy", "le", "http_request_method", "http_response_status_code", "http_route", "network_protocol_version", "url_scheme", "error_type", "aspnetcore_request_is_unhandled", "gc_heap_generation", "cpu_mode", "file", "portal", "type"];
        var ours = metrics.Split('\n').Where(line => !line.StartsWith('#') && !line.StartsWith("target_info", StringComparison.Ordinal)).ToList();
        Assert.Empty(ours.SelectMany(line => Label().Matches(line)).Select(label => label.Groups[1].Value).Distinct().Except(known));
        var named = string.Join('\n', metrics.Split('\n').Select(line => line[..Math.Max(0, line.LastIndexOf(' '))])); // a duration can have any digits
        Assert.All((string[])["SECRET", TestServer.Token, "1000000000"], text => Assert.DoesNotContain(text, named, StringComparison.OrdinalIgnoreCase));

        // Other methods than GET.
        foreach (var (method, status) in ((HttpMethod, int)[])[(HttpMethod.Head, 200), (HttpMethod.Options, 204), (HttpMethod.Post, 405)])
        {
            using var answer = await http.SendAsync(new HttpRequestMessage(method, metricsUrl), Cancellation);
            Assert.Equal((status, ""), ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(Cancellation)));
        }

        // The one address has only these, the other only the API; and a look is not counted.
        Assert.Equal(404, (int)(await http.GetAsync(new Uri(new Uri(metricsUrl), Tickets), Cancellation)).StatusCode);
        (await server.SendAsync(HttpMethod.Get, "/metrics", "")).Expect(404);
        Assert.DoesNotContain((await http.GetStringAsync(metricsUrl, Cancellation)).Split('\n'), line =>
            line.StartsWith("http_server_request_duration_seconds_count", StringComparison.Ordinal) && line.Contains("\"200\"", StringComparison.Ordinal) && !line.Contains("http_route", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("https://127.0.0.1:0")]
    [InlineData("http://192.0.2.1:9464")] // no address of this machine
    public async Task An_address_for_metrics_that_can_not_be_listened_on_is_reported(string urls)
    {
        var options = new DocketOptions { DataDirectory = directory, Urls = "http://127.0.0.1:0", MetricsUrls = urls };
        var mistake = await Assert.ThrowsAsync<OperatorMistake>(() => DocketServer.StartAsync(options, Cancellation));
        Assert.Contains(urls, mistake.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', mistake.Message);
    }

    public void Dispose() => Directory.Delete(directory, recursive: true);

    static Task<Answer> UpsertAsync(ServerProcess server, params string[] inputs) =>
        server.SendAsync(HttpMethod.Post, Tickets + "/batch/upsert", $$"""{"inputs":[{{string.Join(',', inputs)}}]}""");

    static string Value(string metrics, string name, string labels) =>
        Assert.Single(metrics.Split('\n'), line => line.StartsWith(name + "{", StringComparison.Ordinal) && line.Contains(labels, StringComparison.Ordinal)).Split(' ')[^1];

    [GeneratedRegex(@"[{,]([a-z_]+)=""")]
    private static partial Regex Label();
}
