using System.Diagnostics.Tracing;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Trace;

namespace Docket.Watch;

/// <summary>Sends spans by OTLP, as the standard environment variables <c>OTEL_…</c> specify.</summary>
internal sealed class TraceExport : IDisposable
{
    readonly ExportErrors errors;
    readonly TracerProvider provider;

    /// <summary>Starts to listen. Collected spans are sent when it is disposed.</summary>
    /// <param name="clock">The time.</param>
    /// <param name="logger">Gets a warning, at most once a minute, if spans can't be sent.</param>
    public TraceExport(TimeProvider clock, ILogger logger)
    {
        errors = new(clock, logger);
        provider = Sdk.CreateTracerProviderBuilder()
            .AddSource(Instruments.Name)
            .ConfigureResource(Instruments.Describe)
            .AddOtlpExporter()
            .Build();
    }

    public void Dispose()
    {
        provider.Dispose();
        errors.Dispose();
    }
}

/// <summary>Logs errors of the exporter, which it reports nowhere else.</summary>
internal sealed partial class ExportErrors(TimeProvider clock, ILogger logger) : EventListener
{
    readonly Complaints complaints = new(clock);

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == "OpenTelemetry-Exporter-OpenTelemetryProtocol")
        {
            EnableEvents(eventSource, EventLevel.Warning);
        }
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        if (complaints.Due("traces") is { } more)
        {
            LogUnsent(string.Join(' ', (eventData.Payload ?? []).Select(text => $"{text}".Split('\n')[0].Trim())), more);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Traces can't be sent: {Reason}{More}")]
    partial void LogUnsent(string reason, string more);
}
