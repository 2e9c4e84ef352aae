using System.Diagnostics;
using System.Diagnostics.Metrics;
using Docket.Writes;
using OpenTelemetry.Resources;

namespace Docket.Watch;

/// <summary>
/// What a running server lets be seen of its work: numbers and spans (docs/operating.md, Metrics and Traces). Next to free
/// while nobody listens. Labels are words of fixed sets and ids of portals: never a token, a value or a text of a request.
/// </summary>
internal sealed class Instruments : IDisposable
{
    /// <summary>By this name listeners find both.</summary>
    public const string Name = "Docket";

    static readonly string[] Kinds = [.. Enum.GetNames<WriteKind>().Select(name => name.ToLowerInvariant())];

    static readonly string[] Effects = [.. Enum.GetNames<Effect>().Select(name => name.ToLowerInvariant())];

    readonly Meter meter;
    readonly Histogram<int> inputs;
    readonly Counter<long> tickets, limitHits;
    readonly Histogram<double> commits;

    /// <param name="meters">Makes the meter and ends it.</param>
    public Instruments(IMeterFactory meters)
    {
        meter = meters.Create(Name);
        inputs = meter.CreateHistogram("docket.write.inputs", "{input}", "Inputs of a write that was decided: 1 for a single write, up to 100 for a batch or a step of a job", advice: new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 5, 10, 20, 50, 99, 100] });
        tickets = meter.CreateCounter<long>("docket.ticket.writes", "{ticket}", "Tickets by what a write did to them");
        commits = meter.CreateHistogram("docket.commit.duration", "s", "How long the commit of a transaction took to reach the disk", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Seconds });
        limitHits = meter.CreateCounter<long>("docket.limit.hits", "{request}", "Requests refused because a limit was used up");
    }

    /// <summary>Upper bounds of durations, in seconds: a read takes tenths of a millisecond, a commit on a slow disk tens of them.</summary>
    public static double[] Seconds { get; } = [.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10];

    /// <summary>Version of the server.</summary>
    public static string Version { get; } = typeof(Instruments).Assembly.GetName().Version!.ToString(3);

    /// <summary>Says whose numbers and spans these are; what <c>OTEL_SERVICE_NAME</c> and <c>OTEL_RESOURCE_ATTRIBUTES</c> say goes first.</summary>
    public static void Describe(ResourceBuilder resource) => resource
        .AddService("docket", serviceVersion: Version, autoGenerateServiceInstanceId: false)
        .AddEnvironmentVariableDetector();

    /// <summary>Makes spans.</summary>
    public ActivitySource Spans { get; } = new(Name);

    /// <summary>A write was decided and is on disk, unless it was refused or a dry run.</summary>
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

    /// <summary>A transaction's commit took so long.</summary>
    public void Committed(TimeSpan took) => commits.Record(took.TotalSeconds);

    /// <summary>A request was refused because a limit was used up.</summary>
    /// <param name="policy">Which limit, one of a few fixed words, such as HubSpot's <c>policyName</c>.</param>
    public void LimitHit(string policy) => limitHits.Add(1, new KeyValuePair<string, object?>("policy", policy));

    /// <summary>A number that is looked up when someone asks.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="unit">What is counted.</param>
    /// <param name="description">What it says.</param>
    /// <param name="look">Looks it up; on any thread, and cheap.</param>
    public void Observe(string name, string unit, string description, Func<long> look) => meter.CreateObservableGauge(name, look, unit, description);

    /// <summary>As <see cref="Observe(string, string, string, Func{long})"/>, for several numbers of a name.</summary>
    public void Observe(string name, string unit, string description, Func<IEnumerable<Measurement<long>>> look) => meter.CreateObservableGauge(name, look, unit, description);

    /// <summary>A part of a span's work that is done elsewhere; <c>null</c> when that isn't traced.</summary>
    /// <param name="name">What is done.</param>
    /// <param name="parent">See <see cref="Span.Context"/>.</param>
    /// <param name="since">When it began, if not now.</param>
    public Activity? Start(string name, ActivityContext parent, DateTimeOffset since = default) =>
        parent == default ? null : Spans.StartActivity(name, ActivityKind.Internal, parent, startTime: since);

    public void Dispose() => Spans.Dispose();
}

/// <summary>Spans below that of the request which is served. Nothing is allocated when it isn't traced.</summary>
internal static class Span
{
    /// <summary>What work that is done elsewhere belongs to; the default when nothing is traced.</summary>
    public static ActivityContext Context => Current?.Context ?? default;

    static Activity? Current => Activity.Current is { Source.Name: Instruments.Name } span ? span : null;

    /// <summary>Begins a part of what is being done; <c>null</c> when that isn't traced.</summary>
    public static Activity? Start(string name) => Current?.Source.StartActivity(name);
}
