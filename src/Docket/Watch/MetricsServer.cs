using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace Docket.Watch;

/// <summary>
/// Answers <c>GET /metrics</c> in Prometheus' format, on its own address: callers of the API need no access to it, and a proxy in
/// front of the API doesn't forward it by accident.
/// </summary>
internal sealed class MetricsServer : IAsyncDisposable
{
    /// <summary>The framework's own request metrics, with method, route and status.</summary>
    const string Requests = "Microsoft.AspNetCore.Hosting";

    readonly WebApplication app;
    readonly MeterProvider provider;

    MetricsServer(WebApplication app, MeterProvider provider)
    {
        this.app = app;
        this.provider = provider;
    }

    /// <summary>The address of the metrics, with the actual port if the system chose it.</summary>
    public string Url => app.Urls.First() + "/metrics";

    /// <summary>Starts to count and to answer.</summary>
    /// <exception cref="IOException">Cannot listen on the address.</exception>
    public static async Task<MetricsServer> StartAsync(string[] urls, CancellationToken cancellation)
    {
        var provider = Sdk.CreateMeterProviderBuilder()
            .AddMeter(Instruments.Name, Requests, "System.Runtime")
            .ConfigureResource(Instruments.Describe)
            // The framework's smallest bucket is 5 ms, and nearly all requests would be in it.
            .AddView("http.server.request.duration", new ExplicitBucketHistogramConfiguration { Boundaries = Instruments.Seconds })
            .AddPrometheusExporter(exporter => exporter.ScrapeResponseCacheDurationMilliseconds = 0)
            .Build();
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.AddServerHeader = false).UseUrls(urls);
        var server = new MetricsServer(builder.Build(), provider);
        try
        {
            server.app.Use((http, next) =>
            {
                http.Features.Get<IHttpMetricsTagsFeature>()?.MetricsDisabled = true; // reading the metrics must not change them
                if (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method))
                {
                    return next(http);
                }

                http.Response.StatusCode = HttpMethods.IsOptions(http.Request.Method) ? StatusCodes.Status204NoContent : StatusCodes.Status405MethodNotAllowed;
                http.Response.Headers.Allow = "GET, HEAD, OPTIONS";
                return Task.CompletedTask;
            });
            server.app.UseOpenTelemetryPrometheusScrapingEndpoint(provider, null, "/metrics", null, null);
            await server.app.StartAsync(cancellation);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        provider.Dispose();
    }
}
