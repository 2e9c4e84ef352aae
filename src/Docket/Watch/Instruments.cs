using System.Diagnostics;
using System.Diagnostics.Metrics;
using Docket.Writes;
using OpenTelemetry.Resources;

namespace Docket.Watch;

/// <summary>
/// A server's metrics and traces (docs/operating.md). Almost free when nothing is listening. Labels are words of fixed sets and
/// ids of portals: never a token, a value or text of a request.
/// </summary>
internal sealed class Instruments : IDisposable
{
    /// <summary>The name of the meter and the activity source.</summary>
    public const string Name = "Docket";

    static readonly string[] Kinds = [.. Enum.GetNames<WriteKind>().Select(name => name.ToLowerInvariant())];

    static readonly string[] Effects = [.. Enum.GetNames<Effect>().Select(name => name.ToLowerInvariant())];

    readonly Meter meter = new(Name);
    readonly Histogram<int> inputs;
    readonly Counter<long> tickets, limitHits;
    readonly Histogram<double> commits;

    public Instruments()
    {
        inputs = meter.CreateHistogram("docket.write.inputs", "{input}", "Inputs of a write: 1 for a single write, up to 100 for a batch or a step of a job", advice: new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 5, 10, 20, 50, 99, 100] });
        tickets = meter.CreateCounter<long>("docket.ticket.writes", "{ticket}", "Tickets by the effect of the write");
        commits = meter.CreateHistogram("docket.commit.duration", "s", "Time until a transaction's commit is on disk", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Seconds });
        limitHits = meter.CreateCounter<long>("docket.limit.hits", "{request}", "Requests refused because a limit was reached");
    }

    /// <summary>Upper bounds of durations, in seconds: a read takes tenths of a millisecond, a commit on a slow disk tens of milliseconds.</summary>
    public static double[] Seconds { get; } = [.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10];

    /// <summary>The server's version.</summary>
    public static string Version { get; } = typeof(Instruments).Assembly.GetName().Version!.ToString(3);

    /// <summary>The source of the metrics and traces. <c>OTEL_SERVICE_NAME</c> and <c>OTEL_RESOURCE_ATTRIBUTES</c> take precedence.</summary>
    public static void Describe(ResourceBuilder resource) => resource
        .AddService("docket", serviceVersion: Version, autoGenerateServiceInstanceId: false)
        .AddEnvironmentVariableDetector();

    /// <summary>Creates spans.</summary>
    public ActivitySource Spans { get; } = new(Name);

    /// <summary>Records a write that was decided, and is on disk unless it was refused or a dry run.</summary>
    public void Wrote(Outcome outcome)
    {
        if (outcome.Batch.DryRun || !tickets.Enabled)
        {
            return;
        }

        inputs.Record(outcome.Results.Length, new KeyValuePair<string, object?>("kind", Kinds[(int)outcome.Batch.Kind]));
        Span<int> counts = stackalloc int[Effects.Length];
        foreach (var result in outcome.Results)
        {
            counts[(int)result.Effect]++;
        }

        for (var effect = (int)Effect.None + 1; effect < counts.Length; effect++)
        {
            if (counts[effect] > 0)
            {
                tickets.Add(counts[effect], new KeyValuePair<string, object?>("effect", Effects[effect]));
            }
        }
    }

    /// <summary>Records the duration of a transaction's commit.</summary>
    public void Committed(TimeSpan took) => commits.Record(took.TotalSeconds);

    /// <summary>Records a request that was refused because a limit was reached.</summary>
    /// <param name="policy">The limit, one of a few fixed words, such as HubSpot's <c>policyName</c>.</param>
    public void LimitHit(string policy) => limitHits.Add(1, new KeyValuePair<string, object?>("policy", policy));

    /// <summary>Adds a metric whose value is read when it is collected.</summary>
    /// <param name="name">The metric's name.</param>
    /// <param name="unit">The unit.</param>
    /// <param name="description">The description.</param>
    /// <param name="look">Reads the value, on any thread. Must be cheap.</param>
    public void Observe(string name, string unit, string description, Func<long> look) => meter.CreateObservableGauge(name, look, unit, description);

    /// <summary>Like <see cref="Observe(string, string, string, Func{long})"/>, for several values of one metric.</summary>
    public void Observe(string name, string unit, string description, Func<IEnumerable<Measurement<long>>> look) => meter.CreateObservableGauge(name, look, unit, description);

    /// <summary>Starts a child span of work on another thread. Returns <c>null</c> if it isn't traced.</summary>
    /// <param name="name">The span's name.</param>
    /// <param name="parent">See <see cref="Span.Context"/>.</param>
    /// <param name="since">The start, if not now.</param>
    public Activity? Start(string name, ActivityContext parent, DateTimeOffset since = default) =>
        parent == default ? null : Spans.StartActivity(name, ActivityKind.Internal, parent, startTime: since);

    public void Dispose()
    {
        Spans.Dispose();
        meter.Dispose();
    }
}

/// <summary>Child spans of the current request's span. Allocates nothing if the request isn't traced.</summary>
internal static class Span
{
    /// <summary>The parent for work on another thread; the default value if nothing is traced.</summary>
    public static ActivityContext Context => Current?.Context ?? default;

    static Activity? Current => Activity.Current is { Source.Name: Instruments.Name } span ? span : null;

    /// <summary>Starts a child span; <c>null</c> if the request isn't traced.</summary>
    public static Activity? Start(string name) => Current?.Source.StartActivity(name);
}
