using OpenTelemetry;
using OpenTelemetry.Trace;

namespace Docket.Watch;

/// <summary>Sends spans by OTLP, as the standard environment variables <c>OTEL_…</c> say.</summary>
internal static class TraceExport
{
    /// <summary>Begins to listen; what was collected is sent when the result is disposed.</summary>
    public static IDisposable Start() => Sdk.CreateTracerProviderBuilder()
        .AddSource(Instruments.Name)
        .ConfigureResource(Instruments.Describe)
        .AddOtlpExporter()
        .Build();
}
