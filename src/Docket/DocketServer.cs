using Docket.Access;
using Docket.Admin;
using Docket.Http;
using Docket.Jobs;
using Docket.Limits;
using Docket.Model;
using Docket.Model.Types;
using Docket.Sqlite;
using Docket.Stores;
using Docket.Stores.Moving;
using Docket.Stores.Postgres;
using Docket.Stores.Sqlite;
using Docket.TestKit;
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

/// <summary>A running server. Its parts are created and connected here, in the order in which a request reaches them.</summary>
public sealed class DocketServer : IAsyncDisposable
{
    /// <summary>The token of <see cref="DocketOptions.Ephemeral"/> servers, unless there is another one.</summary>
    internal const string EphemeralToken = "test";

    readonly WebApplication app;
    readonly IPortals portals;
    readonly Opened opened;

    DocketServer(WebApplication app, IPortals portals, string dataPath, string? metricsUrl, Opened opened, FirstPortal first)
    {
        this.app = app;
        this.portals = portals;
        this.opened = opened;
        DataPath = dataPath;
        MetricsUrl = metricsUrl;
        PortalId = first.Id;
        FirstToken = first.Token;
        FirstApp = first.App;
    }

    /// <summary>The first address on which it listens, with the actual port.</summary>
    public string Url => app.Urls.First();

    /// <summary>All addresses on which it listens.</summary>
    public IReadOnlyCollection<string> Urls => [.. app.Urls];

    /// <summary>The address of its metrics; <c>null</c> if metrics are off.</summary>
    public string? MetricsUrl { get; }

    /// <summary>The id of the first portal.</summary>
    public long PortalId { get; }

    /// <summary>The token that was created for a new data directory, available only this once; <c>null</c> at later starts and if a fixed token is set.</summary>
    public string? FirstToken { get; }

    /// <summary>The app of the first portal's first token, while nothing has been written to the portal: the token may have been lost.</summary>
    public long? FirstApp { get; }

    /// <summary>Whether this start has created the first portal with <see cref="DocketOptions.SeedFile"/>.</summary>
    internal bool IsFilled { get; private init; }

    /// <summary>Where its data is, also that of an ephemeral one.</summary>
    internal string DataPath { get; }

    /// <summary>Its portals, for code that builds on the server.</summary>
    internal IPortals Portals => portals;

    /// <summary>All endpoints.</summary>
    internal IEnumerable<Endpoint> Endpoints => ((IEndpointRouteBuilder)app).DataSources.SelectMany(source => source.Endpoints);

    /// <summary>Opens the data directory and starts to serve.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="cancellation">Cancels the start.</param>
    /// <exception cref="OperatorMistake">The data directory or the address can't be used.</exception>
    public static async Task<DocketServer> StartAsync(DocketOptions options, CancellationToken cancellation = default)
    {
        var urls = Listening.Addresses(options);
        var metricsUrls = options.MetricsUrls is { } wanted ? Listening.Addresses(wanted, "http://127.0.0.1:9464", "http") : null;
        var trustedProxies = options.TrustedProxies.Select(Listening.ToNetwork).ToList();
        var budget = new BodyBudget();
        var opened = new Opened();
        try
        {
            if (options.Ephemeral)
            {
                options = options with { DataDirectory = opened.Add(EphemeralDirectory.Create()).Path, Store = null, Token = options.Token ?? EphemeralToken, TestKit = true };
            }

            var logs = opened.Add(Logs(options));
            var logger = logs.CreateLogger("Docket");
            var instruments = opened.Add(new Instruments());
            // At the same time as the portals: most of both is compiling (docs/internals/decisions.md, Cold starts).
            var building = Task.Run(() => Build(options, urls, budget, logs, instruments), CancellationToken.None);
            opened.Add(async () => await (await building).DisposeAsync());
            opened.Add(new HeapTrim(options.Clock));
            if (options.ExportTraces)
            {
                opened.Add(new TraceExport(options.Clock, logger));
            }

            var openMax = (int)Math.Clamp((Listening.DescriptorsMax() ?? int.MaxValue) / 4 / SqlitePortals.DescriptorsEach, 4, SqlitePortals.OpenMax);
            var portals = opened.Add<IPortals>(options.Store is null
                ? new SqlitePortals(options.DataDirectory, options.Types, options.Clock, logger, serve: true, options.Token, options.BusyTimeoutMs, instruments, options.StrictStart, openMax, options.Ephemeral)
                : await PostgresPortals.OpenAsync(
                    options.Store, options.StorePasswordFile, options.DataDirectory, options.Types, options.Clock, logger, serve: true, options.Token, instruments, options.StrictStart, openMax, cancellation));
            var limiter = opened.Add(new RateLimiter(portals.Usage, await portals.Usage.LoadAsync(cancellation), portals.SharedCalls, instruments, portals.Clocks, logger));
            var jobs = opened.Add(new JobRunner(portals, options.Clock, logger));
            instruments.Observe("docket.jobs.running", "{job}", "Jobs that are worked on or wait for more inputs", () => jobs.Running);
            var metrics = metricsUrls is null ? null
                : opened.Add(await Listening.StartAsync(options.MetricsUrls!, () => MetricsServer.StartAsync(metricsUrls, cancellation)));

            var app = await building;
            Trust(app, trustedProxies);
            Func<Guid> newCorrelationId = options.NewCorrelationId ?? (() => Guid.CreateVersion7(options.Clock.GetUtcNow()));
            app.UseMiddleware<RequestWatch>(newCorrelationId, options.Clock, new RequestTarget(options.HideValues ?? options.Token is null, options.Types, ((IEndpointRouteBuilder)app).DataSources));
            app.UseResponseCompression();
            var tested = options.TestKit ? new TestedPortals(portals.Clocks) : null;
            if (tested is not null)
            {
                app.UseMiddleware<CallRecorder>(portals, tested, options.Clock);
            }

            app.UseMiddleware<Refusals>();
            app.UseRouting();
            app.UseMiddleware<Authentication>(portals, limiter, options.Random);
            app.UseMiddleware<IncomingBodies>(budget);
            app.UseRequestDecompression();
            if (tested is not null)
            {
                app.UseMiddleware<FaultStage>(tested, options.Clock);
            }

            Routes.Map(app, options, portals, jobs, limiter, tested, logger);
            app.UseEndpoints(_ => { });
            // Before it listens: a client that gets an answer finds everything.
            var filled = options.SeedFile is { } seed ? await FirstPortal.SeedAsync(portals, seed, options.Random, cancellation) : null;
            if (filled is not null && options.TestKit)
            {
                await (portals.Snapshots?.BeginAsync(filled.Id, isFilled: true) ?? default);
            }

            await jobs.StartAsync();
            await Listening.StartAsync(options.Urls, async () =>
            {
                await app.StartAsync(cancellation);
                return app;
            });
            opened.Add(async () =>
            {
                app.Lifetime.StopApplication(); // from here on it isn't ready
                await jobs.DisposeAsync(); // before the server stops: requests that wait for the end of a job would delay it
                await app.StopAsync();
            });
            // Last: if listening failed, a new token would be created but never shown.
            var first = await FirstPortal.OfAsync(portals, options.Token, isNew: filled is not null, cancellation);
            await (options.TestKit ? portals.Snapshots?.BeginAsync(first.Id) ?? default : default);
            return new DocketServer(app, portals, options.DataDirectory, metrics?.Url, opened, first) { IsFilled = filled is not null };
        }
        catch
        {
            await opened.DisposeAsync();
            throw;
        }
    }

    /// <summary>Finishes the current requests and steps of jobs, then closes the files.</summary>
    public ValueTask DisposeAsync() => opened.DisposeAsync();

    static ILoggerFactory Logs(DocketOptions options) => LoggerFactory.Create(logging =>
    {
        logging.Services.AddSingleton(options.Clock);
        if (options.JsonLog)
        {
            // Not AddConsoleFormatter, which binds options by reflection: this one has none.
            logging.AddConsole(console => console.FormatterName = JsonLog.FormatterName).Services.AddSingleton<ConsoleFormatter, JsonLog>();
        }
        else
        {
            logging.AddSimpleConsole(console => (console.IncludeScopes, console.SingleLine, console.UseUtcTimestamp, console.TimestampFormat) = (true, true, true, "yyyy-MM-ddTHH:mm:ss.fffZ "));
        }

        logging.SetMinimumLevel(LogLevel.Warning)
            .AddFilter(RequestWatch.Category, options.LogRequests ? LogLevel.Information : LogLevel.Warning)
            .AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None) // would write the raw path into every log entry
            .AddFilter("Microsoft.Extensions.Hosting", LogLevel.None) // the caller reports why a start failed
            .Configure(log => log.ActivityTrackingOptions = ActivityTrackingOptions.TraceId | ActivityTrackingOptions.SpanId);
    });

    static WebApplication Build(DocketOptions options, string[] urls, BodyBudget budget, ILoggerFactory logs, Instruments instruments)
    {
        // Otherwise a truncated compressed body reads as if it were complete. The decoders read this switch only once.
        AppContext.SetSwitch("System.IO.Compression.UseStrictValidation", true);
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => Listening.Limit(kestrel, options, budget));
        builder.WebHost.UseUrls(urls);
        builder.Services.AddRoutingCore();
        builder.Services.AddRequestDecompression();
        builder.Services.AddSingleton<IResponseCompressionProvider, AnswerCompression>().AddResponseCompression(AnswerCompression.Configure);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(30));
        builder.Services.AddSingleton(options.Clock);
        builder.Services.AddSingleton(logs).AddSingleton(instruments);
        OpenApi.Configure(builder.Services, options.Types[0]);
        return builder.Build();
    }

    static void Trust(WebApplication app, List<System.Net.IPNetwork> proxies)
    {
        if (proxies is [])
        {
            return;
        }

        var forwarded = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto | ForwardedHeaders.XForwardedHost, ForwardLimit = null };
        forwarded.KnownProxies.Clear();
        forwarded.KnownIPNetworks.Clear();
        proxies.ForEach(forwarded.KnownIPNetworks.Add);
        app.UseForwardedHeaders(forwarded);
    }

    /// <summary>The portals of a data directory or a database, while a server may be running on it.</summary>
    /// <param name="place">Where they are.</param>
    /// <param name="create">Create it if it doesn't exist.</param>
    /// <exception cref="OperatorMistake">It can't be used, or doesn't exist.</exception>
    internal static async ValueTask<IPortals> OpenPortalsAsync(DataPlace place, bool create = false)
    {
        if (place.Store is null && !create)
        {
            SqlitePortals.RequireData(place.Directory);
        }

        return await OpenAsync(place, serve: false);
    }

    /// <summary>Like <see cref="OpenPortalsAsync(DataPlace, bool)"/>, but if no server is running, the directory is locked as a server locks it. For work that a server would otherwise do.</summary>
    internal static ValueTask<IPortals> OpenOrHoldPortalsAsync(DataPlace place)
    {
        if (place.Store is null)
        {
            SqlitePortals.RequireData(place.Directory);
        }

        return OpenAsync(place, serve: !DataDirectory.IsServed(place.Directory));
    }

    static async ValueTask<IPortals> OpenAsync(DataPlace place, bool serve) => place.Store is null
        ? new SqlitePortals(place.Directory, StandardTypes.All, TimeProvider.System, NullLogger.Instance, serve)
        : await PostgresPortals.OpenAsync(place.Store, place.PasswordFile, place.Directory, StandardTypes.All, TimeProvider.System, NullLogger.Instance, serve);

    /// <summary>See <see cref="Backup.Save"/>.</summary>
    internal static BackupContent BackUp(DataPlace place, string target, Action<string, double> progress) => place.Store is null
        ? Backup.Save(place.Directory, target, TimeProvider.System, progress)
        : throw new OperatorMistake("PostgreSQL's own tools back up its data: pg_dump --schema=docket for one schema, or pg_basebackup and an archive of the WAL for the whole server. See docs/postgresql.md.");

    /// <summary>See <see cref="Backup.Restore"/>.</summary>
    internal static BackupContent Restore(string source, string data, Action<string, double> progress) => Backup.Restore(source, data, progress);

    /// <summary>Copies portals from one data directory or database to another: see <see cref="PortalMove"/>.</summary>
    /// <param name="from">Where they are.</param>
    /// <param name="to">Where to copy them. A directory is created if it doesn't exist.</param>
    /// <param name="portal">The portal; <c>null</c> for all.</param>
    /// <param name="restart">Delete what an earlier attempt has copied.</param>
    /// <param name="progress">Called from time to time.</param>
    /// <param name="moved">Called after each portal.</param>
    /// <param name="cancellation">Interrupts the work.</param>
    /// <exception cref="OperatorMistake">A portal can't be moved. Those before it are.</exception>
    internal static async Task MoveAsync(DataPlace from, DataPlace to, long? portal, bool restart, Action<MoveProgress> progress, Action<MovedPortal> moved, CancellationToken cancellation)
    {
        await using var source = await OpenHomeAsync(from, create: false, cancellation);
        await using var target = await OpenHomeAsync(to, create: true, cancellation);
        var move = new PortalMove(source, target, progress);
        foreach (var id in portal is { } one ? [one] : await source.ReadAsync(ControlRows.PortalsAsync))
        {
            moved(await move.RunAsync(id, restart, cancellation));
        }
    }

    static async Task<IPortalHome> OpenHomeAsync(DataPlace place, bool create, CancellationToken cancellation) => place.Store is null
        ? new MoveDirectory(place.Directory, create, StandardTypes.All, TimeProvider.System, NullLogger.Instance)
        : new MoveDatabase(await PostgresDatabase.OpenAsync(place.Store, place.PasswordFile, cancellation), TimeProvider.System, NullLogger.Instance);

    /// <summary>What was opened so far. Closed in reverse order, also when a start fails.</summary>
    sealed class Opened : IAsyncDisposable
    {
        readonly Stack<Func<ValueTask>> closings = new();

        public T Add<T>(T opened)
            where T : notnull
        {
            closings.Push(() =>
            {
                if (opened is IAsyncDisposable closing)
                {
                    return closing.DisposeAsync();
                }

                ((IDisposable)opened).Dispose();
                return ValueTask.CompletedTask;
            });
            return opened;
        }

        public void Add(Func<Task> close) => closings.Push(() => new(close()));

        public async ValueTask DisposeAsync()
        {
            while (closings.TryPop(out var close))
            {
                await close();
            }
        }
    }
}
