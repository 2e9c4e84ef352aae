using System.Net.Sockets;
using System.Text;
using Docket.Access;
using Docket.Account;
using Docket.Admin;
using Docket.Changes;
using Docket.Http;
using Docket.Jobs;
using Docket.Limits;
using Docket.Model;
using Docket.Objects;
using Docket.Owners;
using Docket.Schemas;
using Docket.Search;
using Docket.Stores;
using Docket.Stores.Sqlite;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Docket;

/// <summary>A running Docket. Options in, server out; its parts are wired here, in the order in which a request meets them.</summary>
public sealed class DocketServer : IAsyncDisposable
{
    /// <summary>How fast a body has to come in the long run: slower than any line that still carries anything.</summary>
    internal const double BodyBytesPerSecondMin = 240;

    readonly WebApplication app;
    readonly IPortals portals;
    readonly JobRunner jobs;
    readonly RateLimiter limiter;

    DocketServer(WebApplication app, IPortals portals, JobRunner jobs, RateLimiter limiter, long portalId, string? firstToken)
    {
        this.app = app;
        this.portals = portals;
        this.jobs = jobs;
        this.limiter = limiter;
        PortalId = portalId;
        FirstToken = firstToken;
    }

    /// <summary>Where it listens: the real address when the port was left to the system.</summary>
    public string Url => app.Urls.First();

    /// <summary>The id of the first portal.</summary>
    public long PortalId { get; }

    /// <summary>The token that was made for a new data directory, shown this once; <c>null</c> later on and when a fixed token is set.</summary>
    public string? FirstToken { get; }

    /// <summary>Everything that can be called.</summary>
    internal IEnumerable<Endpoint> Endpoints => ((IEndpointRouteBuilder)app).DataSources.SelectMany(source => source.Endpoints);

    /// <summary>Opens the data directory and starts to serve.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="cancellation">Gives up starting.</param>
    /// <exception cref="OperatorMistake">The data directory or the address can't be used.</exception>
    public static async Task<DocketServer> StartAsync(DocketOptions options, CancellationToken cancellation = default)
    {
        var urls = Addresses(options.Urls);
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.RequestHeaderEncodingSelector = _ => Encoding.Latin1; // takes any byte; as UTF-8 Kestrel itself would answer 400 without an envelope
            kestrel.Limits.MaxRequestBodySize = RequestBody.BytesMax;
            kestrel.Limits.MaxRequestLineSize = 64 * 1024; // long property lists in the query (reference/objects-and-batch.md 3.4, 414)
            kestrel.Limits.MaxRequestBufferSize = 256 * 1024; // a usual batch fits, so reading it never waits for the reader
            kestrel.Limits.RequestHeadersTimeout = options.Patience;
            kestrel.Limits.MinRequestBodyDataRate = new(BodyBytesPerSecondMin, options.Patience); // uploads of lines are let off: they may come as they are made
        });
        builder.WebHost.UseUrls(urls);
        builder.Services.AddRoutingCore();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(30));
        builder.Logging.AddSimpleConsole(console => console.SingleLine = true).SetMinimumLevel(LogLevel.Warning)
            .AddFilter("Microsoft.Extensions.Hosting", LogLevel.None); // why a start failed is told by who called it
        var app = builder.Build();
        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Docket");

        IPortals? portals = null;
        JobRunner? jobs = null;
        RateLimiter? limiter = null;
        try
        {
            portals = new SqlitePortals(options.DataDirectory, options.Clock, logger, serve: true, options.Token, options.BusyTimeoutMs);
            var (portalId, firstToken) = FirstPortal(portals, options.Token);
            jobs = new JobRunner(portals, options.Clock, logger);
            limiter = new RateLimiter(portals.Usage, options.Clock, logger);

            Func<Guid> newCorrelationId = options.NewCorrelationId ?? (() => Guid.CreateVersion7(options.Clock.GetUtcNow()));
            app.UseMiddleware<Refusals>(newCorrelationId);
            app.UseRouting();
            app.UseMiddleware<Authentication>(portals, limiter, options.Clock, options.Random);
            foreach (var version in ApiVersion.All)
            {
                var routes = app.MapGroup("").WithMetadata(version);
                ObjectRoutes.Map(routes, version.Prefix("objects") + "/{objectType}", (http, kind) => new JobUpload(jobs, http, kind).AcceptAsync());
                SearchRoutes.Map(routes.MapGroup("").WithMetadata(new CountsAsSearch()), version.Prefix("objects") + "/{objectType}");
                PropertyRoutes.Map(routes, version.Prefix("properties") + "/{objectType}");
                PipelineRoutes.Map(routes, version.Prefix("pipelines") + "/{objectType}");
                AccountRoutes.Map(routes, $"/account-info/{version.Name}", limiter);
                OwnerRoutes.Map(routes, version.Prefix("owners"));
                if (version.HasGdprDelete)
                {
                    LifeRoutes.MapGdprDelete(routes, version.Prefix("objects") + "/{objectType}");
                }
            }

            var old = app.MapGroup("").WithMetadata(ApiVersion.V3);
            AccountRoutes.MapDaily(old, "/account-info/v3", limiter);
            AccountRoutes.MapMe(old, "/integrations/v1/me");

            LifeRoutes.Map(app, "/docket/v1/objects/{objectType}");
            LifeRoutes.MapGdprDelete(app, "/docket/v1/objects/{objectType}");
            ChangeRoutes.Map(app, "/docket/v1/changes", app.Lifetime.ApplicationStopping);
            JobRoutes.Map(app, jobs);
            SettingsRoutes.Map(app, "/docket/v1/settings", portals);
            AppRoutes.Map(app, "/docket/v1/apps", portals.Apps);
            RefusalRoutes.Map(app, "/docket/v1/apps", portals.Apps, limiter);
            UserRoutes.Map(app, "/docket/v1/users", portals.Users);
            app.UseEndpoints(_ => { });
            await jobs.StartAsync();
            await app.StartAsync(cancellation);
            return new DocketServer(app, portals, jobs, limiter, portalId, firstToken);
        }
        catch (Exception failure)
        {
            if (jobs is not null)
            {
                await jobs.DisposeAsync();
            }

            if (limiter is not null)
            {
                await limiter.DisposeAsync();
            }

            if (portals is not null)
            {
                await portals.DisposeAsync();
            }

            await app.DisposeAsync();
            if (failure is IOException or SocketException)
            {
                throw new OperatorMistake($"{options.Urls} can't be listened on: {failure.Message}");
            }

            throw;
        }
    }

    static string[] Addresses(string text)
    {
        var urls = text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        foreach (var url in urls is [] ? [""] : urls)
        {
            // As Kestrel reads it: * and + stand for any host, which makes it no proper URL.
            if (!Uri.TryCreate(url.Replace("://*", "://any", StringComparison.Ordinal).Replace("://+", "://any", StringComparison.Ordinal), UriKind.Absolute, out var address) || address.Scheme != Uri.UriSchemeHttp)
            {
                throw new OperatorMistake($"\"{url}\" is no address to listen on. Give one such as http://127.0.0.1:8787; for HTTPS put a proxy in front.");
            }
        }

        return urls;
    }

    /// <summary>Finishes the requests and the steps of jobs under way, then closes the files.</summary>
    public async ValueTask DisposeAsync()
    {
        await jobs.DisposeAsync(); // first: who waits for the end of a job would hold up the server
        await app.StopAsync();
        await app.DisposeAsync();
        await limiter.DisposeAsync();
        await portals.DisposeAsync();
    }

    /// <summary>The portals of a data directory, beside a server that may be running on it.</summary>
    internal static IPortals OpenPortals(string directory) => new SqlitePortals(directory, TimeProvider.System, NullLogger.Instance, serve: false);

    /// <summary>As <see cref="OpenPortals"/>, and held as a server holds them when none does; for work that someone has to do.</summary>
    internal static IPortals OpenOrHoldPortals(string directory) =>
        new SqlitePortals(directory, TimeProvider.System, NullLogger.Instance, serve: !SqlitePortals.IsServed(directory));

    static (long PortalId, string? Token) FirstPortal(IPortals portals, string? fixedToken)
    {
        if (portals.List() is [var first, ..])
        {
            return (first.Id, null);
        }

        var portal = portals.Create("default");
        return (portal.Id, fixedToken is null ? portals.Apps.CreatePrivate(portal.Id, "first app", ScopeNames.All).Token : null);
    }
}
