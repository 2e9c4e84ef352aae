using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Docket.Access;
using Docket.Account;
using Docket.Admin;
using Docket.Changes;
using Docket.Http;
using Docket.Jobs;
using Docket.Limits;
using Docket.Model;
using Docket.Model.Types;
using Docket.OAuth;
using Docket.Objects;
using Docket.Owners;
using Docket.Schemas;
using Docket.Search;
using Docket.Stores;
using Docket.Stores.Sqlite;
using Docket.Watch;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.ResponseCompression;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Docket;

/// <summary>A running Docket. Options in, server out; its parts are wired here, in the order in which a request meets them.</summary>
public sealed class DocketServer : IAsyncDisposable
{
    /// <summary>How fast a body has to come in the long run: slower than any line that still carries anything.</summary>
    internal const double BodyBytesPerSecondMin = 240;

    const string NameCertificate = "Name one with Kestrel__Certificates__Default__Path, and its …__KeyPath or …__Password.";

    readonly WebApplication app;
    readonly IHostApplicationLifetime lifetime;
    readonly IPortals portals;
    readonly JobRunner jobs;
    readonly RateLimiter limiter;
    readonly MetricsServer? metrics;
    readonly IDisposable? traces;

    DocketServer(WebApplication app, IPortals portals, JobRunner jobs, RateLimiter limiter, MetricsServer? metrics, IDisposable? traces, FirstPortal first)
    {
        this.app = app;
        lifetime = app.Lifetime; // the app can't be asked for it when it is disposed of, which a server may be twice
        this.portals = portals;
        this.jobs = jobs;
        this.limiter = limiter;
        this.metrics = metrics;
        this.traces = traces;
        PortalId = first.Id;
        FirstToken = first.Token;
        FirstApp = first.App;
    }

    /// <summary>Where it listens: the real address when the port was left to the system.</summary>
    public string Url => app.Urls.First();

    /// <summary>All addresses on which it listens.</summary>
    public IReadOnlyCollection<string> Urls => [.. app.Urls];

    /// <summary>Where its numbers are; <c>null</c> when nobody asked for them.</summary>
    public string? MetricsUrl => metrics?.Url;

    /// <summary>The id of the first portal.</summary>
    public long PortalId { get; }

    /// <summary>The token that was made for a new data directory, shown this once; <c>null</c> later on and when a fixed token is set.</summary>
    public string? FirstToken { get; }

    /// <summary>The app of the first portal's first token, as long as nothing was written to the portal: the token may have been lost before anyone saw it.</summary>
    public long? FirstApp { get; }

    /// <summary>Its portals, for those that are built on it.</summary>
    internal IPortals Portals => portals;

    /// <summary>Everything that can be called.</summary>
    internal IEnumerable<Endpoint> Endpoints => ((IEndpointRouteBuilder)app).DataSources.SelectMany(source => source.Endpoints);

    /// <summary>Opens the data directory and starts to serve.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="cancellation">Gives up starting.</param>
    /// <exception cref="OperatorMistake">The data directory or the address can't be used.</exception>
    public static async Task<DocketServer> StartAsync(DocketOptions options, CancellationToken cancellation = default)
    {
        var urls = Addresses(options.Urls, "http://127.0.0.1:8787", "http", "https");
        if (urls.Any(IsTls) && options.Kestrel?.GetSection("Certificates:Default").GetChildren().Any() is not true)
        {
            // Else Kestrel takes the certificate that the SDK makes for developers, if there is one.
            throw new OperatorMistake($"Cannot listen on {options.Urls}: there is no certificate. {NameCertificate}");
        }

        var metricsUrls = options.MetricsUrls is { } wanted ? Addresses(wanted, "http://127.0.0.1:9464", "http") : null;
        var trustedProxies = options.TrustedProxies.Select(ToNetwork).ToList();
        // Else a compressed body that ends too early reads as if that had been its end. The decoders look at it once, when the first is made.
        AppContext.SetSwitch("System.IO.Compression.UseStrictValidation", true);
        var budget = new BodyBudget();
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            if (urls.Any(IsTls))
            {
                kestrel.Configure(options.Kestrel!);
            }

            kestrel.AddServerHeader = false;
            kestrel.RequestHeaderEncodingSelector = _ => Encoding.Latin1; // takes any byte; as UTF-8 Kestrel itself would answer 400 without an envelope
            kestrel.Limits.MaxRequestBodySize = Math.Min(RequestBody.BytesMax, budget.BytesMax);
            kestrel.Limits.MaxConcurrentConnections = DescriptorsMax() / 2; // half is left to files and threads: a runtime that can't start a thread ends the process
            kestrel.Limits.MaxRequestLineSize = 64 * 1024; // long property lists in the query (reference/objects-and-batch.md 3.4, 414)
            kestrel.Limits.MaxRequestBufferSize = 256 * 1024; // a usual batch fits, so reading it never waits for the reader
            kestrel.Limits.RequestHeadersTimeout = options.Patience;
            kestrel.Limits.MinRequestBodyDataRate = new(BodyBytesPerSecondMin, options.Patience); // uploads of lines are let off: they may come as they are made
        });
        builder.WebHost.UseUrls(urls);
        builder.Services.AddRoutingCore();
        builder.Services.AddRequestDecompression();
        builder.Services.AddSingleton<IResponseCompressionProvider, AnswerCompression>().AddResponseCompression(AnswerCompression.Configure);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(30));
        builder.Services.AddSingleton(options.Clock);
        _ = options.JsonLog
            ? builder.Logging.AddConsole(console => console.FormatterName = JsonLog.FormatterName).AddConsoleFormatter<JsonLog, ConsoleFormatterOptions>()
            : builder.Logging.AddSimpleConsole(console => (console.IncludeScopes, console.SingleLine, console.UseUtcTimestamp, console.TimestampFormat) = (true, true, true, "yyyy-MM-ddTHH:mm:ss.fffZ "));
        builder.Logging.SetMinimumLevel(LogLevel.Warning)
            .AddFilter(RequestWatch.Category, options.LogRequests ? LogLevel.Information : LogLevel.Warning)
            .AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None) // would put the path as it came on every line
            .AddFilter("Microsoft.Extensions.Hosting", LogLevel.None) // why a start failed is told by who called it
            .Configure(log => log.ActivityTrackingOptions = ActivityTrackingOptions.TraceId | ActivityTrackingOptions.SpanId);
        builder.Services.AddSingleton<Instruments>();
        var app = builder.Build();
        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Docket");

        IPortals? portals = null;
        JobRunner? jobs = null;
        RateLimiter? limiter = null;
        MetricsServer? metrics = null;
        IDisposable? traces = null;
        var instruments = app.Services.GetRequiredService<Instruments>();
        try
        {
            metrics = metricsUrls is null ? null : await ListenAsync(options.MetricsUrls!, () => MetricsServer.StartAsync(metricsUrls, cancellation));
            traces = options.ExportTraces ? new TraceExport(logger) : null;
            portals = new SqlitePortals(options.DataDirectory, options.Types, options.Clock, logger, serve: true, options.Token, options.BusyTimeoutMs, instruments, options.StrictStart, (int)Math.Clamp((DescriptorsMax() ?? int.MaxValue) / 4 / SqlitePortals.DescriptorsEach, 4, SqlitePortals.OpenMax));
            jobs = new JobRunner(portals, options.Clock, logger);
            limiter = new RateLimiter(portals.Usage, instruments, options.Clock, logger);
            instruments.Observe("docket.jobs.running", "{job}", "Jobs that are worked on or wait for more inputs", () => jobs.Running);

            if (trustedProxies is not [])
            {
                var forwarded = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto | ForwardedHeaders.XForwardedHost, ForwardLimit = null };
                forwarded.KnownProxies.Clear();
                forwarded.KnownIPNetworks.Clear();
                trustedProxies.ForEach(forwarded.KnownIPNetworks.Add);
                app.UseForwardedHeaders(forwarded);
            }

            Func<Guid> newCorrelationId = options.NewCorrelationId ?? (() => Guid.CreateVersion7(options.Clock.GetUtcNow()));
            app.UseMiddleware<RequestWatch>(newCorrelationId, options.Clock, new RequestTarget(options.HideValues ?? options.Token is null, options.Types, ((IEndpointRouteBuilder)app).DataSources));
            app.UseResponseCompression();
            app.UseMiddleware<Refusals>();
            app.UseRouting();
            app.UseMiddleware<Authentication>(portals, limiter, options.Clock, options.Random);
            app.UseMiddleware<IncomingBodies>(budget);
            app.UseRequestDecompression();
            var all = app.MapGroup("").AnswersHead().WithoutTrailingSlashes();
            foreach (var version in ApiVersion.All)
            {
                var routes = all.MapGroup("").WithMetadata(version);
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

            var old = all.MapGroup("").WithMetadata(ApiVersion.V3);
            ObjectRoutes.MapReads(old, "/crm/v4/objects/{objectType}"); // readers of tickets ask there; the rest of v4 is about associations
            AccountRoutes.MapDaily(old, "/account-info/v3", limiter);
            AccountRoutes.MapMe(old, "/integrations/v1/me");

            LifeRoutes.Map(all, "/docket/v1/objects/{objectType}");
            LifeRoutes.MapGdprDelete(all, "/docket/v1/objects/{objectType}");
            ChangeRoutes.Map(all, "/docket/v1/changes", app.Lifetime.ApplicationStopping);
            JobRoutes.Map(all, jobs);
            SettingsRoutes.Map(all, "/docket/v1/settings", portals);
            AppRoutes.Map(all, "/docket/v1/apps", portals.Apps);
            RefusalRoutes.Map(all, "/docket/v1/apps", portals.Apps, limiter);
            UserRoutes.Map(all, "/docket/v1/users", portals.Users);
            var (signIn, pages) = (new SignIn(portals.Users, portals.Sessions, options.Clock, logger), new Pages(options.Name));
            app.Lifetime.ApplicationStopped.Register(signIn.Dispose);
            AuthorizeRoutes.Map(all, portals, signIn, pages);
            AllowedRoutes.Map(all, portals, signIn, pages);
            TokenRoutes.Map(all, portals, options.Clock);
            HealthRoutes.Map(all, portals, app.Lifetime.ApplicationStopping);
            FrontPage.Map(all);
            app.UseEndpoints(_ => { });
            await jobs.StartAsync();
            await ListenAsync(options.Urls, async () =>
            {
                await app.StartAsync(cancellation);
                return app;
            });
            // Only now: a token that is made for an address that can't be listened on would be shown to nobody.
            return new DocketServer(app, portals, jobs, limiter, metrics, traces, FirstPortal.Of(portals, options.Token));
        }
        catch
        {
            if (metrics is not null)
            {
                await metrics.DisposeAsync();
            }

            traces?.Dispose();
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
            throw;
        }
    }

    static async Task<T> ListenAsync<T>(string urls, Func<Task<T>> start)
    {
        try
        {
            return await start();
        }
        // What Kestrel throws for a certificate that isn't there, is no certificate, or doesn't fit its key or password.
        catch (Exception failure) when (IsTls(urls) && failure is InvalidOperationException or NotSupportedException or CryptographicException or ArgumentException or FormatException or FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            throw new OperatorMistake($"Cannot listen on {urls}: the certificate can't be used ({failure.Message.Split('\n')[0].Trim().TrimEnd('.')}). {NameCertificate}");
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            throw new OperatorMistake($"Cannot listen on {urls}: " + SocketErrorOf(failure) switch
            {
                SocketError.AddressAlreadyInUse => "another program uses the port. Stop it, or choose another port.",
                SocketError.AccessDenied => "the user that runs Docket may not use this port. Choose one from 1024 on.",
                SocketError.AddressNotAvailable => "this machine has no such address. 127.0.0.1 is for this machine only, 0.0.0.0 for all of its addresses.",
                _ => failure.Message,
            });
        }
    }

    static SocketError? SocketErrorOf(Exception? failure) => failure switch
    {
        null => null,
        SocketException socket => socket.SocketErrorCode,
        AggregateException several => several.InnerExceptions.Select(SocketErrorOf).FirstOrDefault(error => error is not null),
        _ => SocketErrorOf(failure.InnerException),
    };

    // How many file descriptors the process may have; null where the system doesn't say.
    static long? DescriptorsMax() =>
        File.Exists("/proc/self/limits")
        && File.ReadLines("/proc/self/limits").FirstOrDefault(line => line.StartsWith("Max open files", StringComparison.Ordinal))?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, _, _, var soft, ..]
        && long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var max) ? max : null;

    static bool IsTls(string urls) => urls.Contains("https:", StringComparison.OrdinalIgnoreCase);

    static string[] Addresses(string text, string example, params string[] schemes)
    {
        var urls = text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        foreach (var url in urls is [] ? [""] : urls)
        {
            // As Kestrel reads it: * and + stand for any host, which makes it no proper URL.
            if (!Uri.TryCreate(url.Replace("://*", "://any", StringComparison.Ordinal).Replace("://+", "://any", StringComparison.Ordinal), UriKind.Absolute, out var address) || !schemes.Contains(address.Scheme))
            {
                throw new OperatorMistake($"Cannot listen on \"{url}\": it is not an address. Give one such as {example}.");
            }

            if (address.Host is "unix" or "pipe")
            {
                continue; // what follows is a path
            }

            if (address is not { PathAndQuery: "/", Fragment: "", UserInfo: "" })
            {
                throw new OperatorMistake($"Cannot listen on \"{url}\": an address has a host and a port and nothing after them. Give {address.Scheme}://{address.Host}:{address.Port}.");
            }

            if (address is { Host: "localhost", Port: 0 })
            {
                throw new OperatorMistake($"Cannot listen on \"{url}\": localhost is several addresses, which would get ports of their own. Give {address.Scheme}://127.0.0.1:0.");
            }
        }

        return urls;
    }

    static System.Net.IPNetwork ToNetwork(string text)
    {
        if (IPAddress.TryParse(text, out var address))
        {
            return new System.Net.IPNetwork(address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128);
        }

        return System.Net.IPNetwork.TryParse(text, out var network) ? network
            : throw new OperatorMistake($"\"{text}\" is not the address of a proxy. Give an address such as 10.0.0.1 or a network such as 10.0.0.0/24.");
    }

    /// <summary>Finishes the requests and the steps of jobs under way, then closes the files.</summary>
    public async ValueTask DisposeAsync()
    {
        lifetime.StopApplication(); // from here on it isn't ready
        await jobs.DisposeAsync(); // first: who waits for the end of a job would hold up the server
        await app.StopAsync();
        if (metrics is not null)
        {
            await metrics.DisposeAsync();
        }

        await app.DisposeAsync();
        await limiter.DisposeAsync();
        await portals.DisposeAsync();
        traces?.Dispose(); // last: sends what is left
    }

    /// <summary>The portals of a data directory, beside a server that may be running on it.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="create">Make it when it isn't there.</param>
    /// <exception cref="OperatorMistake">It can't be used, or isn't there.</exception>
    internal static IPortals OpenPortals(string directory, bool create = false)
    {
        if (!create)
        {
            SqlitePortals.RequireData(directory);
        }

        return new SqlitePortals(directory, StandardTypes.All, TimeProvider.System, NullLogger.Instance, serve: false);
    }

    /// <summary>As <see cref="OpenPortals"/>, and held as a server holds them when none does; for work that someone has to do.</summary>
    internal static IPortals OpenOrHoldPortals(string directory)
    {
        SqlitePortals.RequireData(directory);
        return new SqlitePortals(directory, StandardTypes.All, TimeProvider.System, NullLogger.Instance, serve: !SqlitePortals.IsServed(directory));
    }

    /// <summary>See <see cref="Backup.Save"/>.</summary>
    internal static BackupContent BackUp(string data, string target, Action<string, double> progress) => Backup.Save(data, target, TimeProvider.System, progress);

    /// <summary>See <see cref="Backup.Restore"/>.</summary>
    internal static BackupContent Restore(string source, string data, Action<string, double> progress) => Backup.Restore(source, data, progress);

    /// <summary>The first portal of a data directory, its token if it was just made, and the app of that token while the portal is empty.</summary>
    sealed record FirstPortal(long Id, string? Token, long? App)
    {
        public static FirstPortal Of(IPortals portals, string? fixedToken)
        {
            var portal = portals.List() is [var first, ..] ? first : Create(portals);
            if (fixedToken is not null || !IsEmpty(portals, portal.Id))
            {
                return new(portal.Id, null, null);
            }

            if (portals.Apps.List(portal.Id) is [var app, ..])
            {
                return new(portal.Id, null, app.Client is null ? app.Id : null);
            }

            // Also for a start that was ended between the two.
            var (made, token) = portals.Apps.CreatePrivate(portal.Id, "first app", ScopeNames.All);
            return new(portal.Id, token, made.Id);
        }

        static Portal Create(IPortals portals)
        {
            var portal = portals.Create("default");
            _ = portals.Open(portal.Id);
            return portal;
        }

        static bool IsEmpty(IPortals portals, long id)
        {
            try
            {
                return portals.Open(id).Sequence == 0;
            }
            catch (Refusal)
            {
                return false;
            }
        }
    }
}
