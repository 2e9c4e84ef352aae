using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using Docket.Watch;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;

namespace Docket.Tests.Watch;

/// <summary>The spans of a request, for who listens, and on their way by OTLP.</summary>
public sealed class TraceTests
{
    const string Upsert = "/crm/v3/objects/tickets/batch/upsert", Ticket = """{"inputs":[{"idProperty":"hs_external_object_ids","id":"SECRET","properties":{"subject":"SECRET","hs_pipeline_stage":"1"}}]}""";

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_goes_on_with_the_trace_of_its_caller_stage_by_stage()
    {
        var (trace, caller) = (ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom());
        var spans = new ConcurrentQueue<Activity>();
        using var listener = Listen(trace, spans);
        await using var server = await TestServer.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, Upsert) { Content = new StringContent(Ticket, Encoding.UTF8, "application/json") };
        request.Headers.TryAddWithoutValidation("traceparent", $"00-{trace}-{caller}-01");
        using var response = await server.Http.SendAsync(request, Cancellation);
        Assert.Equal(200, (int)response.StatusCode);
        await UntilAsync(() => spans.Any(span => span.OperationName == "request"));

        Assert.Equal(["apply", "commit", "parse", "read", "request", "respond", "wait"], spans.Select(span => span.OperationName).Order(StringComparer.Ordinal));
        var whole = spans.Single(span => span.OperationName == "request");
        Assert.Equal((caller, "POST /crm/v3/objects/{objectType}/batch/upsert", ActivityKind.Server), (whole.ParentSpanId, whole.DisplayName, whole.Kind));
        Assert.All(spans, span => Assert.True(span == whole || span.ParentSpanId == whole.SpanId, span.OperationName));
        Assert.Equal(response.Headers.GetValues("X-HubSpot-Correlation-Id").Single(), whole.GetTagItem("docket.correlation_id"));
        Assert.Equal(200, whole.GetTagItem("http.response.status_code"));
        Assert.DoesNotContain(spans.SelectMany(span => span.TagObjects), tag => $"{tag.Value}".Contains("SECRET", StringComparison.Ordinal) || $"{tag.Value}".Contains("tickets", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_job_does_not_go_on_with_the_trace_of_the_request_that_brought_it()
    {
        var trace = ActivityTraceId.CreateRandom();
        var spans = new ConcurrentQueue<Activity>();
        using var listener = Listen(trace, spans);
        await using var server = await TestServer.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, Upsert) { Content = new StringContent(Ticket, Encoding.UTF8, "application/json") };
        request.Headers.TryAddWithoutValidation("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01");
        request.Headers.Add("Prefer", "respond-async");
        using var response = await server.Http.SendAsync(request, Cancellation);
        var id = (await Answer.OfAsync(response)).Expect(202)["id"];
        await UntilAsync(async () => (await server.GetAsync($"/docket/v1/jobs/{id}")).Expect(200)["status"] == "COMPLETE");
        await UntilAsync(() => spans.Any(span => span.OperationName == "request"));
        Assert.Single(spans, span => span.OperationName == "commit"); // that of taking it in
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Spans_are_sent_to_where_the_environment_says_under_the_name_it_says()
    {
        var received = new ConcurrentQueue<string>();
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        await using var collector = builder.Build();
        collector.Run(async http =>
        {
            var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body, Cancellation);
            received.Enqueue(http.Request.Path + " " + Encoding.Latin1.GetString(body.ToArray()));
        });
        await collector.StartAsync(Cancellation);
        var directory = Directory.CreateTempSubdirectory("docket-traces-").FullName;
        try
        {
            await using var server = await ServerProcess.ServeAsync(directory, [], environment: new Dictionary<string, string>
            {
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Urls.First(),
                ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
                ["OTEL_BSP_SCHEDULE_DELAY"] = "50",
                ["OTEL_SERVICE_NAME"] = "the-tickets",
            });
            (await server.SendAsync(HttpMethod.Post, Upsert, Ticket)).Expect(200);
            await UntilAsync(() => received.Any(sent => sent.Contains("POST /crm/v3/objects/{objectType}/batch/upsert", StringComparison.Ordinal)));
            Assert.Contains(received, sent => sent.Contains("commit", StringComparison.Ordinal));
            Assert.All(received, sent =>
            {
                Assert.StartsWith("/v1/traces ", sent, StringComparison.Ordinal);
                Assert.Contains("the-tickets", sent, StringComparison.Ordinal);
                Assert.DoesNotContain("SECRET", sent, StringComparison.Ordinal);
            });
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task A_request_without_a_route_has_a_span_without_one()
    {
        var trace = ActivityTraceId.CreateRandom();
        var spans = new ConcurrentQueue<Activity>();
        using var listener = Listen(trace, spans);
        await using var server = await TestServer.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/SECRET");
        request.Headers.TryAddWithoutValidation("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01");
        using var response = await server.Http.SendAsync(request, Cancellation);
        await UntilAsync(() => spans.Any(span => span.OperationName == "request"));
        var span = spans.Single(span => span.OperationName == "request");
        Assert.Equal(("GET", null, "http"), (span.DisplayName, span.GetTagItem("http.route"), span.GetTagItem("url.scheme")));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_collector_that_can_not_be_reached_is_reported_once()
    {
        var directory = Directory.CreateTempSubdirectory("docket-traces-").FullName;
        try
        {
            await using var server = await ServerProcess.ServeAsync(directory, ["--log", "json"], environment: new Dictionary<string, string>
            {
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:1",
                ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
                ["OTEL_BSP_SCHEDULE_DELAY"] = "20",
            });
            for (var i = 0; i < 20; i++)
            {
                (await server.SendAsync(HttpMethod.Post, Upsert, Ticket)).Expect(200);
                await Task.Delay(50, Cancellation); // more than one attempt to send
            }

            await server.WaitForAsync("Traces can't be sent: .*127.0.0.1:1");
            Assert.Single(server.Log, line => line.Contains("Traces can't be sent", StringComparison.Ordinal));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task An_invalid_address_for_traces_is_reported()
    {
        var (exit, output, errors) = await ServerProcess.RunAsync(["serve", "--urls", "http://127.0.0.1:0"], ("OTEL_EXPORTER_OTLP_ENDPOINT", "nonsense"));
        Assert.Equal((1, ""), (exit, output));
        Assert.Equal("docket: OTEL_EXPORTER_OTLP_ENDPOINT is \"nonsense\", which is not a valid address for traces. Use one such as http://127.0.0.1:4317.\n", errors);
    }

    static Task UntilAsync(Func<bool> done) => UntilAsync(() => Task.FromResult(done()));

    // Only spans of this trace: other tests have their own servers.
    static ActivityListener Listen(ActivityTraceId trace, ConcurrentQueue<Activity> spans)
    {
        var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == Instruments.Name,
            Sample = (ref options) => options.Parent.TraceId == trace ? ActivitySamplingResult.AllData : ActivitySamplingResult.None,
            ActivityStopped = spans.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }

    static async Task UntilAsync(Func<Task<bool>> done)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        enough.CancelAfter(TimeSpan.FromMinutes(1));
        while (!await done())
        {
            await Task.Delay(5, enough.Token);
        }
    }
}
