using System.Diagnostics.Tracing;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Trace;

namespace Docket.Watch;

/// <summary>Sends spans by OTLP, as the standard environment variables <c>OTEL_…</c> say.</summary>
internal sealed class TraceExport : IDisposable
{
    readonly ExportErrors errors;
    readonly TracerProvider provider;

    /// <summary>Begins to listen; what was collected is sent when it is disposed.</summary>
    /// <param name="logger">Where it is said, once, that spans can't be sent.</param>
    public TraceExport(ILogger logger)
    {
        errors = new(logger);
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

/// <summary>Listens to the errors of the exporter, which it reports nowhere else, and logs the first one.</summary>
internal sealed partial class ExportErrors(ILogger logger) : EventListener
{
    int said;

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == "OpenTelemetry-Exporter-OpenTelemetryProtocol")
        {
            EnableEvents(eventSource, EventLevel.Warning);
        }
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        if (Interlocked.Exchange(ref said, 1) == 0)
        {
            LogUnsent(string.Join(' ', (eventData.Payload ?? []).Select(text => $"{text}".Split('\n')[0].Trim())));
        }
    }

    [LoggerMessage(LogLevel.Warning, "Traces can't be sent: {Reason}. This is said once")]
    partial void LogUnsent(string reason);
}
